// magma mark VIDEO: layout, records, videos, settings.
#include "magma/nn/safetensors.h"
#include "tests/apps/program_case.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

// Two shots: a box on one background, then another scene for `second` frames.
std::string two_shots(int first, int second) {
  return "-f lavfi -i \"color=c=gray:rate=25:size=160x120,noise=alls=90:all_seed=5,gblur=1.5\" -f lavfi -i "
         "\"color=c=gray:rate=25:size=48x48,noise=alls=100:all_seed=9,gblur=1\" -f lavfi -i "
         "\"color=c=red:rate=25:size=160x120,noise=alls=90:all_seed=3,gblur=1.5\" -filter_complex "
         "\"[0][1]overlay=x='10+3*n':y=36,trim=end_frame=" +
         std::to_string(first) + ",setsar=1,format=yuv420p[a];[2]trim=end_frame=" + std::to_string(second) +
         ",setsar=1,format=yuv420p[b];[a][b]concat=n=2\" -c:v libx264 -pix_fmt yuv420p";
}

class MarkCommand : public ProgramCase {
 protected:
  std::vector<Json> records(const std::string& folder) const { return lines_of(folder + "/shards/00000.jsonl"); }
};

TEST_F(MarkCommand, LeavesTheLayoutOfTheContract) {
  make("clip.mp4", two_shots(40, 30));
  succeeds({"mark", "clip.mp4", "-o", "out", "--text", "push the box"});
  EXPECT_EQ(names_below(path("out")), (std::vector<std::string>{"images",
                                                                "images/00000",
                                                                "images/00000/clip-s000-c000.jpg",
                                                                "images/00000/clip-s001-c000.jpg",
                                                                "manifest.json",
                                                                "report.html",
                                                                "report.json",
                                                                "samples",
                                                                "samples/00000.jsonl",
                                                                "shards",
                                                                "shards/00000.done",
                                                                "shards/00000.jsonl",
                                                                "shards/00000.safetensors",
                                                                "videos",
                                                                "videos/clip-s000",
                                                                "videos/clip-s000/orig_trace.mp4",
                                                                "videos/clip-s000/som_tom.mp4",
                                                                "videos/clip-s001",
                                                                "videos/clip-s001/orig_trace.mp4",
                                                                "videos/clip-s001/som_tom.mp4"}));
  for (const auto& [shot, frames] : {std::pair{"clip-s000", 40}, std::pair{"clip-s001", 30}}) {
    EXPECT_EQ(frames_of(path("out") / "videos" / shot / "orig_trace.mp4"), frames + 9);
    EXPECT_EQ(frames_of(path("out") / "videos" / shot / "som_tom.mp4"), frames + 9);
  }
  const auto all = records("out");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["frames"]["first"], 0);
  EXPECT_EQ(all[0]["frames"]["last"], 40);
  EXPECT_EQ(all[1]["frames"]["first"], 40);
  EXPECT_EQ(all[1]["frames"]["last"], 70);
}

TEST_F(MarkCommand, TensorsAndRecordsAgreeInShapeAndMeaning) {
  make("clip.mp4", two_shots(40, 30));
  succeeds({"mark", "clip.mp4", "-o", "out", "--no-video"});
  EXPECT_FALSE(fs::exists(path("out/videos")));
  const SafetensorsFile tensors(path("out/shards/00000.safetensors"));
  for (const Json& record : records("out")) {
    const auto id = record["id"].get<std::string>();
    const int64_t F = record["frames"]["last"].get<int64_t>() - record["frames"]["first"].get<int64_t>();
    const auto expect = [&](const char* name, DType dtype, const std::vector<int64_t>& shape) {
      EXPECT_EQ(tensors.entry(id + name).dtype, dtype) << id << name;
      EXPECT_EQ(tensors.entry(id + name).shape, shape) << id << name;
    };
    expect("/tracks", DType::F32, {F, 225, 2});
    expect("/visible", DType::U8, {F, 29});
    expect("/kind", DType::U8, {225});
    expect("/speed", DType::F32, {225});
    expect("/homography", DType::F32, {F, 3, 3});
    expect("/hstatus", DType::U8, {F});
    const auto kind = tensors.read_as<uint8_t>(id + "/kind");
    const auto speed = tensors.read_as<float>(id + "/speed");
    for (size_t n = 0; n < kind.size(); ++n) {
      const auto threshold = record["split"]["threshold_px"].get<float>();
      EXPECT_TRUE(kind[n] == 2 || (kind[n] == 1) == (speed[n] > threshold)) << id << " point " << n << " " << speed[n];
    }
    EXPECT_FALSE(record["marks"].empty());
    for (const Json& mark : record["marks"]) {
      EXPECT_TRUE(mark["kind"] == "pos" || mark["kind"] == "neg");
      EXPECT_TRUE(!record["traces"].empty() || mark["kind"] == "neg") << mark;
      for (const Json& side : mark["cell"]) EXPECT_TRUE(side >= 0 && side < 256) << mark;
    }
  }
  EXPECT_FALSE(records("out")[0]["traces"].empty());  // the box
  EXPECT_TRUE(records("out")[1]["traces"].empty());   // nothing moves
  for (const Json& sample : lines_of("out/samples/00000.jsonl")) {
    EXPECT_TRUE(fs::exists(path("out") / sample["image"].get<std::string>()));
    EXPECT_EQ(sample["conversations"].size() % 2, 0U);
    EXPECT_GE(sample["conversations"].size(), 2U);
  }
}

TEST_F(MarkCommand, LongShotIsCutIntoClipsOfEqualLength) {
  make("clip.mp4", moving_box(50));
  succeeds({"mark", "clip.mp4", "-o", "out", "--clip-frames", "20"});
  const auto all = records("out");
  ASSERT_EQ(all.size(), 3U);
  int64_t next = 0;
  for (const Json& record : all) {
    EXPECT_EQ(record["frames"]["first"], next);
    next = record["frames"]["last"].get<int64_t>();
    const int64_t count = next - record["frames"]["first"].get<int64_t>();
    EXPECT_TRUE(count == 16 || count == 17) << count;
    EXPECT_FALSE(record["marks"].empty());
  }
  EXPECT_EQ(next, 50);
  EXPECT_EQ(frames_of(path("out/videos/clip-s000/orig_trace.mp4")), 50 + 9);
  EXPECT_EQ(frames_of(path("out/videos/clip-s000/som_tom.mp4")), 50 + 9);
}

TEST_F(MarkCommand, ChangeOfExposureIsOneShotAndChangeOfSizeIsTwo) {
  make("light.mp4", moving_box(30, "160x120", ",eq=brightness='0.3*gt(n,14)':eval=frame"));
  succeeds({"mark", "light.mp4", "-o", "light", "--no-video"});
  EXPECT_EQ(records("light").size(), 1U);
  make("a.ts", moving_box(10));
  make("b.ts", moving_box(12, "200x112"));
  write("both.ts", text_of("a.ts") + text_of("b.ts"));
  succeeds({"mark", "both.ts", "-o", "size", "--no-video"});
  const auto all = records("size");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1]["source"]["w"], 200);
  EXPECT_EQ(all[1]["shot"], 1);
}

TEST_F(MarkCommand, GivenTracksGiveTheMarksOfTheTracker) {
  make("clip.mp4", two_shots(24, 20));
  succeeds({"mark", "clip.mp4", "-o", "tracked", "--no-video", "--clip-frames", "12"});
  succeeds({"mark", "clip.mp4", "-o", "given", "--no-video", "--clip-frames", "12", "--tracks",
            "tracked/shards/00000.safetensors"});
  const auto tracked = records("tracked"), given = records("given");
  ASSERT_EQ(tracked.size(), 4U);
  ASSERT_EQ(given.size(), 4U);
  const SafetensorsFile first(path("tracked/shards/00000.safetensors")), second(path("given/shards/00000.safetensors"));
  for (size_t i = 0; i < given.size(); ++i) {
    const std::string name = given[i]["id"].get<std::string>() + "/tracks";
    EXPECT_EQ(first.read(name), second.read(name));
    EXPECT_EQ(given[i]["track"]["name"], "given");
  }
  succeeds({"track", "clip.mp4", "-o", "t", "--no-video"});
  succeeds({"mark", "clip.mp4", "-o", "from-track", "--no-video", "--tracks", "t/tracks.safetensors"});
  make("short.mp4", moving_box(5));
  fails(3, {"mark", "short.mp4", "-o", "o", "--tracks", "t/tracks.safetensors"}, "rows");
  fails(5, {"mark", "clip.mp4", "-o", "o", "--tracks", "none.safetensors"}, "none.safetensors");
  fails(3, {"mark", "clip.mp4", "-o", "o", "--tracks", "clip.mp4"}, "clip.mp4");
}

TEST_F(MarkCommand, TracksWithoutARecordAreInPixelsOfTheVideo) {
  make("clip.mp4", moving_box(3, "1280x720"));
  std::vector<float> xy;
  for (int i = 0; i < 3 * 4; ++i) xy.insert(xy.end(), {static_cast<float>(100 + 50 * (i % 4)), 200});
  {
    SafetensorsWriter writer(path("given.safetensors"));
    writer.add("any/tracks", DType::F32, {3, 4, 2}, {reinterpret_cast<const char*>(xy.data()), xy.size() * 4});
    writer.add("any/visible", DType::Bool, {3, 4}, std::string(12, '\1'));
    writer.finish();
  }
  succeeds({"mark", "clip.mp4", "-o", "out", "--no-video", "--tracks", "given.safetensors"});
  const SafetensorsFile tensors(path("out/shards/00000.safetensors"));
  EXPECT_FLOAT_EQ(tensors.read_as<float>("clip-s000-c000/tracks")[0], 100.5F / 2 - 0.5F);
}

TEST_F(MarkCommand, OptionsWinOverTheFileAndMustNotContradictSet) {
  write("c.yaml", "grid: 7\nclip_frames: 33\nseed: 4\n");
  const auto setting = [this](const std::vector<std::string>& words, const std::string& line) {
    std::vector<std::string> all = {"mark", "--show-config", "--config", "c.yaml"};
    all.insert(all.end(), words.begin(), words.end());
    const ProgramRun shown = run(all);
    EXPECT_EQ(shown.status, 0) << shown.err;
    EXPECT_NE(shown.out.find("\n" + line + "\n"), std::string::npos) << line << shown.out;
  };
  setting({}, "grid: 7");
  setting({"--grid", "15"}, "grid: 15");  // the default, but said
  setting({"--grid", "9"}, "clip_frames: 33");
  setting({"--set", "grid=11"}, "grid: 11");
  setting({"--set", "grid=9", "--grid", "9"}, "grid: 9");
  fails(2, {"mark", "--show-config", "--set", "grid=11", "--grid", "9"}, "--grid");
  fails(2, {"mark", "--show-config", "--set", "gird=11"}, "did you mean grid");
  fails(2, {"mark", "--show-config", "--set", "grid=many"}, "grid");
  fails(2, {"mark", "--show-config", "--set", "grid=0"}, "grid");
  fails(2, {"mark", "--show-config", "--set", "track_width=1"}, "track_width");
  fails(2, {"mark", "--show-config", "--set", "min_visible=nan"}, "min_visible");
  fails(2, {"mark", "--show-config", "--set", "clusters_moving_min=9"}, "clusters_moving");
}

TEST_F(MarkCommand, WrongOptionsLeaveNothing) {
  make("clip.mp4", moving_box(3));
  write("list.jsonl", "{\"id\":\"a\",\"video\":\"clip.mp4\"}\n");
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"mark", "clip.mp4"},
           {"mark", "-o", "o"},
           {"mark", "clip.mp4", "--list", "list.jsonl", "-o", "o"},
           {"mark", "clip.mp4", "-o", "o", "--variant", "best"},
           {"mark", "clip.mp4", "-o", "o", "--tracker", "best"},
           {"mark", "clip.mp4", "-o", "o", "--set", "shot_detector=best"},
           {"mark", "clip.mp4", "-o", "o", "--set", "family=cat"},
           {"mark", "clip.mp4", "-o", "o", "--nonsense"},
           {"mark", "clip.mp4", "-o", "o", "--grid", "x"},
           {"mark", "clip.mp4", "-o", "o", "--start", "3", "--end", "2"},
           {"mark", "clip.mp4", "-o", "o", "--start", "-1"},
           {"mark", "clip.mp4", "-o", "o", "--shard", "0/2"},
           {"mark", "--list", "list.jsonl", "-o", "o", "--shard", "2/2"},
           {"mark", "--list", "list.jsonl", "-o", "o", "--shard", "x"},
           {"mark", "--list", "list.jsonl", "-o", "o", "--shard", "0/2", "--overwrite"},
           {"mark", "--list", "list.jsonl", "-o", "o", "--text", "t"},
           {"mark", "--check", "o", "clip.mp4"},
           {"track", "clip.mp4"},
           {"track", "clip.mp4", "-o", "o", "--tracker", "best"},
           {"split"},
           {"marc", "clip.mp4"}}) {
    fails(2, words);
  }
  EXPECT_NE(run({"marc"}).err.find("did you mean: magma mark"), std::string::npos);
}

TEST_F(MarkCommand, StartAndEndInSeconds) {
  make("clip.mp4", moving_box(50));
  succeeds({"mark", "clip.mp4", "-o", "out", "--no-video", "--start", "0.4", "--end", "1.2"});
  const auto all = records("out");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["frames"]["first"], 10);
  EXPECT_EQ(all[0]["frames"]["last"], 30);
  fails(3, {"mark", "clip.mp4", "-o", "o", "--start", "9"}, "clip.mp4");
}

}  // namespace
}  // namespace magma
