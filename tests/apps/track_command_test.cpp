// magma track: the layout that `magma track VIDEO -o DIR` leaves.
#include "magma/nn/safetensors.h"
#include "tests/apps/program_case.h"

namespace magma {
namespace {

using TrackCommand = ProgramCase;

TEST_F(TrackCommand, LeavesTracksOfEveryFrameAndTheirRecord) {
  make("clip.mp4", moving_box(20));
  succeeds({"track", "clip.mp4", "-o", "out"});
  EXPECT_EQ(names_below(path("out")),
            (std::vector<std::string>{"orig_trace.mp4", "report.html", "tracks.jsonl", "tracks.safetensors"}));
  const SafetensorsFile tensors(path("out") / "tracks.safetensors");
  EXPECT_EQ(tensors.entry("clip/tracks").shape, (std::vector<int64_t>{20, 225, 2}));
  EXPECT_EQ(tensors.entry("clip/tracks").dtype, DType::F32);
  EXPECT_EQ(tensors.entry("clip/visible").shape, (std::vector<int64_t>{20, 29}));
  EXPECT_EQ(tensors.entry("clip/visible").dtype, DType::U8);
  const std::vector<Json> records = lines_of("out/tracks.jsonl");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]["id"], "clip");
  EXPECT_EQ(records[0]["track"]["w"], 160);
  EXPECT_EQ(records[0]["track"]["h"], 120);
  EXPECT_EQ(frames_of(path("out") / "orig_trace.mp4"), 20 + 9);
}

TEST_F(TrackCommand, NestedRelativeFolderHoldsTheFilesItself) {
  make("clip.mp4", moving_box(4));
  succeeds({"track", "clip.mp4", "-o", "demo/x"});
  EXPECT_EQ(names_below(path("demo")), (std::vector<std::string>{"x", "x/orig_trace.mp4", "x/report.html",
                                                                 "x/tracks.jsonl", "x/tracks.safetensors"}));
  succeeds({"track", "clip.mp4", "-o", "./other//", "--no-video"});
  EXPECT_EQ(names_below(path("other")),
            (std::vector<std::string>{"report.html", "tracks.jsonl", "tracks.safetensors"}));
}

TEST_F(TrackCommand, ChangeOfExposureIsNoCut) {
  make("clip.mp4", moving_box(30, "160x120", ",eq=brightness='0.35*gt(n,14)':eval=frame"));
  succeeds({"track", "clip.mp4", "-o", "out", "--no-video"});
  EXPECT_EQ(SafetensorsFile(path("out") / "tracks.safetensors").entry("clip/tracks").shape[0], 30);
}

TEST_F(TrackCommand, FollowsGivenPoints) {
  make("clip.mp4", moving_box(5, "1280x720"));
  write("points.jsonl", "{\"frame\":0,\"x\":10,\"y\":20}\n{\"frame\":2,\"x\":639.5,\"y\":300}\n");
  succeeds({"track", "clip.mp4", "-o", "out", "--queries", "points.jsonl", "--no-video"});
  const SafetensorsFile tensors(path("out") / "tracks.safetensors");
  EXPECT_EQ(tensors.entry("clip/tracks").shape, (std::vector<int64_t>{5, 2, 2}));
  const auto xy = tensors.read_as<float>("clip/tracks");
  EXPECT_NEAR(xy[0], 10.5 / 2 - 0.5, 1e-3);  // (x + 0.5) * w / W - 0.5
  write("bad.jsonl", "{\"frame\":0,\"x\":5000,\"y\":20}\n");
  fails(3, {"track", "clip.mp4", "-o", "o2", "--queries", "bad.jsonl"}, "bad.jsonl");
  fails(5, {"track", "clip.mp4", "-o", "o2", "--queries", "none.jsonl"}, "none.jsonl");
}

TEST_F(TrackCommand, SameForAnyNumberOfThreads) {
  make("clip.mp4", moving_box(12));
  succeeds({"track", "clip.mp4", "-o", "one"});
  succeeds({"track", "clip.mp4", "-o", "four", "--threads", "4"});
  EXPECT_EQ(files_below(path("one")), files_below(path("four")));
}

TEST_F(TrackCommand, EarlierOutputIsReplacedOnlyByItsOwnRun) {
  make("clip.mp4", moving_box(4));
  make("other.mp4", moving_box(5));
  succeeds({"track", "clip.mp4", "-o", "out"});
  const Files before = files_below(path("out"));
  succeeds({"track", "clip.mp4", "-o", "out"});
  EXPECT_EQ(files_below(path("out")), before);
  fails(2, {"track", "clip.mp4", "-o", "out", "--grid", "5"}, "tracks.jsonl grid");
  fails(2, {"track", "other.mp4", "-o", "out"}, "started differently");
  EXPECT_EQ(files_below(path("out")), before);
  succeeds({"track", "other.mp4", "-o", "out", "--overwrite", "--no-video"});
  EXPECT_EQ(names_below(path("out")), (std::vector<std::string>{"report.html", "tracks.jsonl", "tracks.safetensors"}));
}

TEST_F(TrackCommand, FolderOfSomebodyElseIsLeftAlone) {
  make("clip.mp4", moving_box(4));
  std::filesystem::create_directory(path("mine"));
  write("mine/thesis.txt", "mine");
  fails(2, {"track", "clip.mp4", "-o", "mine"}, "thesis.txt");
  fails(2, {"track", "clip.mp4", "-o", "mine", "--overwrite"}, "thesis.txt");
  fails(2, {"track", "clip.mp4", "-o", "mine/thesis.txt"}, "is a file");
}

TEST_F(TrackCommand, LeftoversOfAKilledRunGoWithTheNext) {
  make("clip.mp4", moving_box(400));
  RunningProgram running({"magma", "track", "clip.mp4", "-o", "out"}, path(""));
  while (!std::filesystem::exists(path("out")) || names_below(path("out")).size() < 3) usleep(1000);
  running.signal(SIGKILL);
  EXPECT_EQ(running.wait().status, 128 + SIGKILL);
  make("clip.mp4", moving_box(4));
  succeeds({"track", "clip.mp4", "-o", "out"});
  EXPECT_EQ(names_below(path("out")).size(), 4U);
}

}  // namespace
}  // namespace magma
