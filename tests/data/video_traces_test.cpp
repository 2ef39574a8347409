#include <set>

#include <gmock/gmock.h>

#include "magma/image/codec.h"
#include "magma/image/video_writer.h"
#include "magma/text/prompts.h"
#include "tests/data/made_up_data.h"

namespace magma {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr Size kFilm{160, 120};

// Frame k is grey of value 8 k.
void film(const Path& path, int frames = 24) {
  std::filesystem::create_directories(path.parent_path());
  const auto writer = open_video_writer(path, kFilm, {.fps_num = 30, .crf = 10});
  for (int k = 0; k < frames; ++k) {
    const auto grey = static_cast<uint8_t>(8 * k);
    writer->write(Image(kFilm, {grey, grey, grey}));
  }
  writer->finish();
}

std::string ego_item(const std::string& more = "") {
  return R"({"video":"vlp_datasets/clips/start_1.0___end_3.5___part_0.mp4","trace":"t/clip.pth",)" + more +
         R"("annotations":"The camera wearer lifts a <image> pan"})";
}

struct EgoData : MadeUpData {
  EgoData() {
    film(path("clips/start_1.0___end_3.5___part_0.mp4"));
    copy("clip.pth", "t/clip.pth");
  }
};

int frame_number(const Image& image) { return (image.at(2, 2).g + 4) / 8; }  // of film()

std::vector<Sample> many(MadeUpData& data, const std::string& reader, const std::string& tag, const std::string& item,
                         int count = 40) {
  std::string items;
  for (int i = 0; i < count; ++i) items += (i == 0 ? "[" : ",") + item;
  data.write("many.json", items + "]");
  const auto opened = data.open(reader, tag, "many.json");
  std::vector<Sample> samples;
  for (int64_t i = 0; i < opened->size(); ++i) samples.push_back(opened->read(i));
  return samples;
}

int64_t placeholders(const Sample& sample) {
  int64_t count = 0;
  for (const ChatMessage& message : sample.messages) {
    for (const TextPart& part : message.content) count += part.trusted && part.text == "<image>" ? 1 : 0;
  }
  return count;
}

// The marks that an answer about traces says move, each beside one of the four points that do (5 px right a frame).
void expect_movers(const std::string& answer) {
  const auto traces = parse_trace_answer(answer);
  ASSERT_TRUE(traces.has_value()) << answer;
  for (const auto& [id, cells] : *traces) {
    const double step = 70.0 / 7, first = 10 + 4 * step;  // columns 4 and 5 of rows 2 and 3
    const int row = static_cast<int>(std::lround((cells[0][1] * 120.0 / 256 - 20) * 7 / 90));
    EXPECT_TRUE(row == 2 || row == 3) << answer;
    EXPECT_GE(cells[0][0], static_cast<int>(first * 256 / 160) - 1);
    for (size_t i = 1; i < cells.size(); ++i) {
      EXPECT_EQ(cells[i][0] - cells[i - 1][0], 8) << answer;
      EXPECT_EQ(cells[i][1], cells[0][1]);
    }
  }
}

TEST(VideoTraces, TheFirstQuestionAndThePictureOfTheFirstFrame) {
  EgoData data;
  for (const Sample& sample : many(data, "video_traces", "ego4d", ego_item())) {
    ASSERT_GE(sample.messages.size(), 3U);
    const std::vector<std::string> turns = spoken(sample);
    EXPECT_EQ(turns[1], "user: {<image>}\n\nWhat is the person doing in the image?\n");
    EXPECT_EQ(turns[2], "assistant: The person lifts a <image> pan\n");
    EXPECT_EQ(frame_number(*sample.images.at(0).pixels), 3);
    EXPECT_EQ(sample.images[0].pixels->size, kFilm);
    EXPECT_EQ(sample.num_crops, 1);
    EXPECT_EQ(placeholders(sample), static_cast<int64_t>(sample.images.size()));
  }
}

TEST(VideoTraces, MostSamplesAskForTracesOfWhatMoves) {
  EgoData data;
  const std::vector<Sample> samples = many(data, "video_traces", "ego4d", ego_item(), 100);
  size_t without = 0;
  std::set<int> frames;
  for (const Sample& sample : samples) {
    without += sample.messages.size() == 3 ? 1 : 0;
    if (sample.messages.size() == 3) continue;
    ASSERT_EQ(sample.messages.size(), 5U);
    const std::vector<std::string> turns = spoken(sample);
    EXPECT_THAT(turns[3], StartsWith("user: {<image>}\n\nThe image is split into 256x256 grids"));
    EXPECT_THAT(turns[3], HasSubstr("The person is doing: The person lifts a <image> pan. To finish the task"));
    expect_movers(plain_text(sample.messages[4].content));
    const Image& marked = *sample.images.at(1).pixels;
    frames.insert(frame_number(marked));
    int64_t red = 0;
    for (int y = 0; y < marked.size.h; ++y) {
      for (int x = 0; x < marked.size.w; ++x) red += marked.at(x, y) == Rgb{255, 0, 0} ? 1 : 0;
    }
    EXPECT_GT(red, 60);
  }
  EXPECT_GT(without, 8U);
  EXPECT_LT(without, 35U);
  EXPECT_EQ(*frames.begin(), 3);
  EXPECT_GT(frames.size(), 3U);
  EXPECT_LT(*frames.rbegin(), 3 + 9);
}

TEST(VideoTraces, TheSameSeedGivesTheSameSample) {
  EgoData data;
  const auto line = [](const Sample& sample) {
    std::string text;
    append_json(text, sample);
    return text;
  };
  const std::vector<Sample> first = many(data, "video_traces", "sthv2", ego_item(), 12);
  const std::vector<Sample> again = many(data, "video_traces", "sthv2", ego_item(), 12);
  data.options.seed = 1;
  const std::vector<Sample> other = many(data, "video_traces", "sthv2", ego_item(), 12);
  size_t changed = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(line(first[i]), line(again[i]));
    changed += line(first[i]) != line(other[i]) ? 1 : 0;
    if (first[i].images.size() < 2) continue;
    EXPECT_EQ(first[i].images[1].pixels->pixels, again[i].images[1].pixels->pixels);
  }
  EXPECT_GT(changed, 6U);
}

TEST(VideoTraces, SettingsChangeTheQuestions) {
  EgoData data;
  data.options.config.trace_start_end = true;
  data.options.config.trace_speed = true;
  data.options.config.image_start_end = true;
  for (const Sample& sample : many(data, "video_traces", "sthv2", ego_item(), 8)) {
    if (sample.messages.size() == 3) continue;
    const std::vector<std::string> turns = spoken(sample);
    EXPECT_THAT(turns[3], StartsWith("user: {<image_start><image><image_end>}\n\nThe image is split"));
    EXPECT_THAT(turns[3], HasSubstr(" in the image with speed 8 for the next "));
    EXPECT_THAT(turns[4], HasSubstr("positions are:\n\n{<trace_start>}\"Mark "));
    EXPECT_THAT(turns[4], testing::EndsWith("]\"\n\n{<trace_end>}"));
  }
  data.options.config.som_tom = false;
  for (const Sample& sample : many(data, "video_traces", "sthv2", ego_item(), 8)) {
    EXPECT_EQ(sample.images.size(), 1U);
  }
  data.options.config.images = false;
  data.options.config.som_tom = true;
  for (const Sample& sample : many(data, "video_traces", "sthv2", ego_item(), 8)) {
    EXPECT_EQ(2 * sample.images.size() + 1, sample.messages.size());
    EXPECT_EQ(sample.images[0].pixels, nullptr);
  }
}

TEST(VideoTraces, Ego4DLeavesOutWhatTeachesNothing) {
  EgoData data;
  const auto item = [](const std::string& video, const std::string& text) {
    return R"({"video":")" + video + R"(","trace":"t/clip.pth","annotations":")" + text + R"("})";
  };
  const std::string long_clip = "a/start_1___end_2.5___part_0.mp4", short_clip = "a/start_1___end_1.5___part_0.mp4";
  data.write("ego4d.json", "[" + item(long_clip, "lifts") + "," + item(long_clip, "") + "," + item(long_clip, "walks") +
                               "," + item(short_clip, "lifts") + "," + item("noname.mp4", "lifts") + "," +
                               item(long_clip, "looks around") + "," + item("x/start_0___end_1___narr_3.mp4", "Walks") +
                               R"(,{"video":7}])");
  const auto reader = data.open("video_traces", "ego4d", "ego4d.json");
  std::vector<int64_t> items;
  for (int64_t i = 0; i < reader->size(); ++i) items.push_back(*reader->origin(i).item);
  EXPECT_THAT(items, ElementsAre(0, 4, 6, 7));  // 4 and 7 cannot be judged, and are errors when they are read
  EXPECT_THAT(error_line([&] { reader->read(1); }), HasSubstr("a video that does not tell its start and end"));
  EXPECT_THAT(error_line([&] { reader->read(3); }), HasSubstr("item 7/video: wrong type (expected text, got number)"));
  EXPECT_EQ(data.open("video_traces", "exoego4d", "ego4d.json")->size(), 8);
}

TEST(VideoTraces, MissingAndDamagedFilesAreErrors) {
  EgoData data;
  const auto failure = [&](const std::string& from, const std::string& to) {
    std::string item = ego_item();
    item.replace(item.find(from), from.size(), to);
    return error_line([&] { data.sample("video_traces", "sthv2", item); });
  };
  EXPECT_THAT(failure("t/clip.pth", "t/none.pth"), StartsWith("error[file-system]"));
  EXPECT_THAT(failure("start_1.0", "start_2.0"), StartsWith("error[file-system]"));
  EXPECT_THAT(failure("t/clip.pth", "clips/start_1.0___end_3.5___part_0.mp4"), StartsWith("error[malformed]"));
  EXPECT_THAT(failure("t/clip.pth", "../clip.pth"), StartsWith("error[refused]"));
  EXPECT_THAT(failure("vlp_datasets/clips", "vlp_datasets/.."), StartsWith("error[refused]"));
  EXPECT_THAT(failure("vlp_datasets/clips", "/clips"), StartsWith("error[refused]"));
  EXPECT_THAT(failure(R"("trace":"t/clip.pth",)", ""), HasSubstr("item 0/trace: missing"));
  film(data.path("clips/start_1.0___end_3.5___part_0.mp4"), 3);
  EXPECT_THAT(failure("lifts", "lifts"), HasSubstr("frame 3: beyond the end of the video"));
}

TEST(VideoTraces, HeightAndWidthMayBeTurned) {
  EgoData data;
  data.copy("tracks.pth", "t/clip.pth");
  const auto picture = [&](const std::string& pair) {
    const std::string more = R"x("frame_interval":[[2],[18]],"(height,width)":)x" + pair + ",";
    return data.sample("video_traces", "sthv2", ego_item(more)).images.at(0).pixels;
  };
  EXPECT_EQ(picture("[120,160]")->size, kFilm);
  EXPECT_EQ(picture("[[160],[120]]")->size, kFilm);
  EXPECT_EQ(picture("[60,80]")->size, (Size{80, 60}));
  EXPECT_THAT(error_line([&] { picture("[100,160]"); }), HasSubstr("a size that the video does not have"));
  EXPECT_THAT(error_line([&] { picture("[120,0]"); }), StartsWith("error[refused]"));
  EXPECT_THAT(error_line([&] { picture("[120]"); }), HasSubstr("item 0/(height,width)/0: wrong type"));
  EXPECT_THAT(error_line([&] { data.sample("video_traces", "sthv2", ego_item()); }),
              HasSubstr("items.json: image_size: missing"));
}

struct EpicData : MadeUpData {
  EpicData() {
    film(path("epic/v.mp4"));
    copy("epic.pth", "epic/list.pth");
    copy("tracks.pth", "epic/visual_trace/v/trace_000000002_000000018.pth");
    options.image_folder = path("epic").string();
  }
};

TEST(VideoTraces, EpicTellsWhatIsSeenAndWhatToDo) {
  EpicData data;
  const auto reader = data.open("video_traces", "epic", "epic/list.pth");
  ASSERT_EQ(reader->size(), 1);  // the other is a closeup
  for (uint64_t seed = 0; seed < 6; ++seed) {
    data.options.seed = seed;
    const Sample sample = data.open("video_traces", "epic", "epic/list.pth")->read(0);
    const std::vector<std::string> turns = spoken(sample);
    EXPECT_EQ(turns[1], "user: {<image>}\n\nWhat do you see in the image?\n");
    EXPECT_EQ(turns[2], "assistant: a pan\n");
    EXPECT_EQ(frame_number(*sample.images[0].pixels), 2);
    if (turns.size() == 5) {
      EXPECT_THAT(turns[3], HasSubstr("The person is doing: lift the person's pan.. To finish"));
    }
  }
}

TEST(VideoTraces, NarratedSetsSayWhatIsSaid) {
  MadeUpData data;
  film(data.path("v.mp4"));
  data.copy("tracks.pth", "all_detected_visual_traces_30fps/v_trace_000000002_000000018.pth");
  data.copy("tracks.pth", "visual_traces/v/trace_000000002_000000018.pth");
  const std::string rest = R"("global_instructions":["x"],"image_size":[160,120],"frame_interval":[2,18]})";
  const std::string said = R"(.mp4"],"gpt_response":["cut it"],)";
  const Sample youcook = data.sample("video_traces", "youcook2",
                                     R"({"video":["/site/video_datasets_visual_traces/YouCook2/v)" + said + rest);
  EXPECT_EQ(spoken(youcook)[1],
            "user: {<image>}\n\nThe person is doing some task in the image. Guess what is the person saying?\n");
  std::filesystem::remove_all(data.path("all_detected_visual_traces_30fps"));
  size_t traced = 0;
  for (const Sample& sample : many(data, "video_traces", "coin", R"({"video":["v)" + said + rest, 8)) {
    if (sample.messages.size() == 3) continue;
    ++traced;
    EXPECT_THAT(spoken(sample)[3], HasSubstr("\nThe person is saying: cut it. To finish"));
  }
  EXPECT_GT(traced, 3U);
}

TEST(VideoTraces, ACaptionHasAllFramesInHalfTheSize) {
  EpicData data;
  const std::string response = R"("gpt_response":["What you should do next: cut"],)";
  const Sample sample = data.sample(
      "video_traces", "epic",
      R"({"video":["v.mp4"],"task":"captioner",)" + response + R"("image_size":[160,120],"frame_interval":[20,40]})");
  ASSERT_EQ(sample.images.size(), 3U);  // 20, 21, 22: all but the last
  EXPECT_EQ(frame_number(*sample.images[2].pixels), 22);
  EXPECT_EQ(sample.images[0].pixels->size, (Size{80, 60}));
  EXPECT_EQ(placeholders(sample), 3);
  EXPECT_EQ(spoken(sample)[1],
            "user: {<image>}\n{<image>}\n{<image>}\n\nWhat do you see in the first image? And what "
            "will the person do next?\n");
}

struct RobotData : MadeUpData {
  RobotData() {
    copy("robot.pth", "open-x-traces-v2/bridge_orig/5/7.pth");
    write("open-x-images-v2/bridge_orig/5/7.jpg", encode_jpeg(Image({256, 256}, {0, 0, 200})));
  }
};

TEST(OpenxTraces, AskForTheActionAndThenForTheTraces) {
  RobotData data;
  std::set<size_t> marks;
  for (const Sample& sample : many(data, "openx_traces", "openx_magma", R"("open-x-traces-v2/bridge_orig/5/7.pth")")) {
    const std::vector<std::string> turns = spoken(sample);
    ASSERT_EQ(turns.size(), 5U);
    EXPECT_EQ(turns[1], "user: {<image>}\n\nWhat action should the robot take to pick up?");
    EXPECT_EQ(turns[2], "assistant: {<action>}{<action>}{<action>}{<action>}{<action>}{<action>}{<action>}");
    EXPECT_EQ(sample.action_normalised, (ActionNumbers{0.5, -0.5, 0.25, -1, 1, 0, 1}));
    EXPECT_EQ(sample.images.at(0).name, "open-x-images-v2/bridge_orig/5/7.jpg");
    EXPECT_EQ(sample.images.at(0).pixels->size, (Size{512, 512}));
    EXPECT_EQ(sample.images.size(), 2U);
    EXPECT_EQ(sample.num_crops, 1);
    EXPECT_THAT(turns[3], HasSubstr("labeled with numeric marks: [1, 2, "));
    const auto traces = parse_trace_answer(plain_text(sample.messages[4].content));
    ASSERT_TRUE(traces.has_value());
    for (const auto& [id, cells] : *traces) EXPECT_EQ(cells[1][0] - cells[0][0], 4);
    marks.insert(static_cast<size_t>(std::count(turns[3].begin(), turns[3].end(), ',')));
  }
  EXPECT_GE(*marks.begin(), 4U + 2U);  // 2 to 4 and 4 to 9 marks, two commas of the sentence
  EXPECT_LE(*marks.rbegin(), 4U + 9U + 1U);
}

TEST(OpenxTraces, WhatIsNotThereIsAnError) {
  RobotData data;
  const auto failure = [&](const std::string& item) {
    return error_line([&] { data.sample("openx_traces", "openx_magma", item); });
  };
  EXPECT_THAT(failure(R"("open-x-traces-v2/bridge_orig/5/8.pth")"), StartsWith("error[file-system]"));
  EXPECT_THAT(failure(R"("../7.pth")"), StartsWith("error[refused]"));
  EXPECT_THAT(failure(R"("/7.pth")"), StartsWith("error[refused]"));
  EXPECT_THAT(failure(R"({"trace":"x"})"), HasSubstr("item 0: wrong type (expected the path of a trace, got object)"));
  data.copy("clip.pth", "clip.pth");
  EXPECT_THAT(failure(R"("clip.pth")"), HasSubstr("lang: missing"));
  std::filesystem::remove(data.path("open-x-images-v2/bridge_orig/5/7.jpg"));
  EXPECT_THAT(failure(R"("open-x-traces-v2/bridge_orig/5/7.pth")"), StartsWith("error[file-system]"));
}

TEST(OpenxTraces, AFolderMayBeCalledAsPythonWritesBytes) {
  RobotData data;
  for (const char* kind : {"open-x-traces-v2", "open-x-images-v2"}) {
    std::filesystem::rename(data.path(kind) / "bridge_orig", data.path(kind) / "b'bridge_orig'");
  }
  EXPECT_EQ(data.sample("openx_traces", "openx_magma", R"("open-x-traces-v2/bridge_orig/5/7.pth")").images.size(), 2U);
}

}  // namespace
}  // namespace magma
