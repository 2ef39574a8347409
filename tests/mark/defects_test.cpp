// The 29 defects of the reference (som_tom.md 1.5): one case each, named by its number.
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "magma/image/video_writer.h"
#include "magma/mark/check_output.h"
#include "magma/mark/clip_marks.h"
#include "magma/mark/clip_record.h"
#include "magma/mark/draw_marks.h"
#include "magma/mark/kmeans.h"
#include "magma/mark/mark_choices.h"
#include "magma/mark/mark_item.h"
#include "magma/mark/output_folder.h"
#include "magma/mark/trace_labels.h"
#include "tests/mark/track_scene.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

ClipMarks make(const PointTracks& tracks, const MarkConfig& config = {}, std::vector<float> quality = {}) {
  return MarkProcedures::make(config.variant)->make({"clip", &tracks, std::move(quality), 30}, config);
}

// Two objects, far apart, of four points each.
TrackScene moving_scene() {
  TrackScene scene;
  for (const int64_t n : {26, 27, 38, 39}) scene.velocity[n] = {2, 0.5F};
  for (const int64_t n : {92, 93, 104, 105}) scene.velocity[n] = {-1.5F, 1};
  return scene;
}

ClipRecord record_of(const ClipMarks& marks) {
  ClipRecord record;
  record.id = "v-s000-c000";
  record.item = "v";
  record.last = 40;
  record.timebase = {1, 12800};
  record.fps = {30, 1};
  record.image = "images/v.png";
  record.marks = marks;
  return record;
}

TEST(Defects, D01_SpeedsAreThoseAfterTheCameraIsRemoved) {
  TrackScene scene = moving_scene();
  scene.camera = [](int64_t t) { return pan(3 * static_cast<float>(t), 0); };
  const ClipMarks marks = make(scene.tracks());
  EXPECT_LT(marks.split.speed[0], 0.01F);
  EXPECT_EQ(std::count(marks.split.kind.begin(), marks.split.kind.end(), PointKind::Moving), 8);
  MarkConfig demo;
  demo.variant = "demo";  // keeps the defect: everything is as fast as the camera
  EXPECT_EQ(make(scene.tracks(), demo).split.kind[0], PointKind::Moving);
}

TEST(Defects, D02_AFrameWithoutAFitKeepsItsPlace) {
  TrackScene scene;
  scene.camera = hand_held;
  PointTracks tracks = scene.tracks();
  for (int64_t t = 10; t < 13; ++t) {
    for (int64_t n = 0; n < tracks.N; ++n) hide(tracks, t, n, {});
  }
  const CameraMotion camera = estimate_camera(tracks, {}, 30);
  ASSERT_EQ(camera.to_first.size(), 40U);
  EXPECT_LT(transfer_error(camera.to_first[30], tracks.at(30, 77), tracks.at(0, 77)), 0.01);
}

TEST(Defects, D03_FramesWithoutAFitAreMarkedAndCounted) {
  TrackScene scene;
  scene.camera = hand_held;
  PointTracks tracks = scene.tracks();
  for (int64_t t = 10; t < 13; ++t) {
    for (int64_t n = 0; n < tracks.N; ++n) hide(tracks, t, n, {});
  }
  const ClipMarks marks = make(tracks);
  EXPECT_EQ(marks.camera.status[11], FitStatus::Copied);
  EXPECT_EQ(marks.camera.status[20], FitStatus::Fitted);
  const nlohmann::json record = to_json(record_of(marks));
  EXPECT_EQ(record["camera"]["status"]["fitted"], 37);
  EXPECT_EQ(record["camera"]["status"]["copied"], 3);
}

TEST(Defects, D04_HiddenGuessesAndObjectsStayOutOfTheFit) {
  TrackScene scene = moving_scene();
  scene.camera = hand_held;
  PointTracks tracks = scene.tracks();
  for (int64_t t = 5; t < tracks.F; ++t) {
    for (int64_t n = 0; n < 20; ++n) hide(tracks, t, n, {5, 5});
  }
  const CameraMotion camera = estimate_camera(tracks, {}, 30);
  for (int64_t t = 1; t < tracks.F; ++t) {
    EXPECT_LT(transfer_error(camera.to_first[static_cast<size_t>(t)], tracks.at(t, 77), tracks.at(0, 77)), 0.01);
  }
}

TEST(Defects, D05_AClusterGivesOneMarkOrTwo) {
  MarkConfig config;
  config.clusters_moving_min = config.clusters_moving_max = 1;
  TrackScene few;
  few.velocity = {{40, {2, 0}}, {44, {2, 0}}, {88, {2, 0}}};
  TrackScene many = few;
  for (const int64_t n : {13, 16, 19, 22, 37, 61, 64, 67, 85, 91}) many.velocity[n] = {2, 0};
  const auto moving = [&](const TrackScene& scene) {
    const ClipMarks marks = make(scene.tracks(), config);
    return std::count_if(marks.marks.begin(), marks.marks.end(), [](const Mark& mark) { return mark.moving; });
  };
  EXPECT_EQ(moving(few), 1);
  EXPECT_EQ(moving(many), 2);
}

TEST(Defects, D06_SpeedIgnoresHiddenFrames) {
  PointTracks tracks = TrackScene().tracks();
  for (int64_t t = 10; t < 25; ++t) hide(tracks, t, 70, {static_cast<float>(37 * t % 600), 100});
  const ClipMarks marks = make(tracks);
  EXPECT_EQ(marks.split.kind[70], PointKind::Static);
  EXPECT_EQ(marks.split.speed[70], 0);
}

TEST(Defects, D07_JitterIsNoMotion) {
  PointTracks tracks = moving_scene().tracks();
  for (int64_t t = 1; t < tracks.F; t += 2) tracks.at(t, 70).x += 2;  // steps of 2 px that lead nowhere
  EXPECT_EQ(make(tracks).split.kind[70], PointKind::Static);
}

TEST(Defects, D08_ThresholdsFollowFrameSizeAndFrameRate) {
  MarkConfig config;
  TrackScene scene = moving_scene();
  scene.velocity[70] = {0.8F, 0};
  const PointTracks at_640 = scene.tracks();
  PointTracks at_1280 = at_640;
  at_1280.frame = {1280, 768};
  for (Point& p : at_1280.xy) p = rescale(p, at_640.frame, at_1280.frame);
  PointTracks every_second = at_1280;
  every_second.F = at_1280.F / 2;
  every_second.xy.clear();
  for (int64_t t = 0; t < every_second.F; ++t) {
    for (int64_t n = 0; n < at_1280.N; ++n) every_second.xy.push_back(at_1280.at(2 * t, n));
  }
  every_second.visible.resize(every_second.xy.size());
  every_second.confidence.resize(every_second.xy.size());
  const auto kinds = [&](const PointTracks& tracks, double fps) {
    const CameraMotion camera = estimate_camera(tracks, config, fps);
    return split_points({"clip", &tracks, {}, fps}, stabilise(tracks, camera), camera, config).kind;
  };
  EXPECT_EQ(kinds(at_1280, 30), kinds(at_640, 30));
  EXPECT_EQ(kinds(every_second, 15), kinds(at_640, 30));
  EXPECT_NE(kinds(at_640, 60), kinds(at_640, 30));  // twice as fast in truth
}

TEST(Defects, D09_OneThresholdAndTheRecordNamesIt) {
  MarkConfig config;
  TrackScene scene = moving_scene();  // 2.06 and 1.80 px a frame
  scene.camera = hand_held;
  const PointTracks tracks = scene.tracks();
  config.eps_px = 1.9;
  const ClipMarks marks = make(tracks, config);
  EXPECT_EQ(std::count(marks.split.kind.begin(), marks.split.kind.end(), PointKind::Moving), 4);
  ClipRecord record = record_of(marks);
  record.config = config;
  EXPECT_EQ(to_json(record)["split"]["eps_px"], 1.9);
}

TEST(Defects, D10_TheBestPointOfAClusterIsMarked) {
  MarkConfig config;
  config.clusters_moving_min = config.clusters_moving_max = 2;
  std::vector<float> quality(144, 0.5F);
  quality[39] = 0.9F;
  quality[92] = 0.8F;
  std::set<int64_t> marked;
  for (const Mark& mark : make(moving_scene().tracks(), config, quality).marks) {
    if (mark.moving) marked.insert(mark.point);
  }
  EXPECT_EQ(marked, (std::set<int64_t>{39, 92}));
}

TEST(Defects, D11_MarksAreVisibleInsideAndApart) {
  TrackScene scene = moving_scene();
  scene.side = 24;  // neighbours are closer than marks may be
  PointTracks tracks = scene.tracks();
  for (int64_t n = 200; n < 220; ++n) hide(tracks, 0, n, tracks.at(0, n));
  for (int64_t t = 0; t < tracks.F; ++t) tracks.at(t, 300) = {3, 200};
  const ClipMarks marks = make(tracks);
  const float radius = mark_radius_px(tracks.frame);
  ASSERT_GE(marks.marks.size(), 6U);
  for (const Mark& a : marks.marks) {
    EXPECT_TRUE(tracks.is_visible(0, a.point));
    EXPECT_TRUE(inside(a.position, tracks.frame, radius));
    for (const Mark& b : marks.marks) EXPECT_TRUE(a.id == b.id || norm(a.position - b.position) >= 2.2F * radius);
  }
}

TEST(Defects, D12_VisibilityDecidesAndCellsStayOnTheGrid) {
  EXPECT_EQ(rounded_cell({0, 0}, {640, 384}, 256), (Cell{0, 0}));
  EXPECT_EQ(rounded_cell({-7, 500}, {640, 384}, 256), (Cell{0, 255}));
  EXPECT_EQ(rounded_cell({639.9F, 383}, {640, 384}, 256), (Cell{255, 255}));
  TrackScene scene;
  scene.frames = 5;
  scene.side = 2;
  PointTracks tracks = scene.tracks();
  tracks.at(2, 0) = {0, 7};  // a real point on the edge stays, a hidden one is bridged
  hide(tracks, 3, 0, {-50, -50});
  tracks.at(4, 0) = {4, 9};
  EXPECT_THAT(visible_path(tracks, 0),
              testing::ElementsAre(tracks.at(0, 0), tracks.at(1, 0), Point{0, 7}, Point{2, 8}, Point{4, 9}));
}

TEST(Defects, D13_CellsAreRoundedHalvesUp) {
  EXPECT_EQ(rounded_cell({1.5F, 2.49F}, {256, 256}, 256), (Cell{2, 2}));
  EXPECT_EQ(rounded_cell({99.999F, 0.5F}, {256, 256}, 256), (Cell{100, 1}));
}

TEST(Defects, D14_SpeedsAreThoseOfTheMarksThatAreThere) {
  TrackScene scene = moving_scene();
  scene.velocity[60] = {9, 0};  // a fast point that no mark may take
  PointTracks tracks = scene.tracks();
  hide(tracks, 0, 60, tracks.at(0, 60));
  const ClipMarks marks = make(tracks);
  for (const Mark& mark : marks.marks) {
    const auto mover = scene.velocity.find(mark.point);
    EXPECT_NEAR(mark.speed_px, mover == scene.velocity.end() ? 0 : norm(mover->second), 0.01);
  }
  for (const nlohmann::json& sample : training_samples(record_of(marks))) {
    EXPECT_THAT(sample.dump(), testing::Not(testing::HasSubstr("with speed")));
  }
}

TEST(Defects, D15_AllTracesHaveTheSameNumberOfSteps) {
  TrackScene scene = moving_scene();
  PointTracks tracks = scene.tracks();
  for (int64_t t = 5; t < 18; ++t) hide(tracks, t, 26, {});
  const ClipMarks marks = make(tracks);
  ASSERT_GE(marks.traces.size(), 2U);
  for (const Trace& trace : marks.traces) {
    EXPECT_EQ(trace.steps, 13);  // 0.87 cells a frame: every third of 39 frames is two cells on
    EXPECT_EQ(trace.cells.size(), 14U);
    const auto mark =
        std::find_if(marks.marks.begin(), marks.marks.end(), [&](const Mark& m) { return m.id == trace.id; });
    ASSERT_NE(mark, marks.marks.end());
    EXPECT_TRUE(mark->moving);
    EXPECT_EQ(trace.cells.front(), mark->cell);
  }
}

TEST(Defects, D16_InputsAreNotTouched) {
  const PointTracks tracks = moving_scene().tracks();
  const PointTracks before = tracks;
  for (const char* variant : {"corrected", "demo", "video", "robot"}) {
    MarkConfig config;
    config.variant = variant;
    const std::string first = to_json(record_of(make(tracks, config))).dump();
    EXPECT_EQ(tracks.xy, before.xy);
    EXPECT_EQ(to_json(record_of(make(tracks, config))).dump(), first);
  }
}

TEST(Defects, D17_PositionsKeepTheirFractions) {
  TrackScene scene = moving_scene();
  PointTracks tracks = scene.tracks();
  for (Point& p : tracks.xy) p = p + Point{0.25F, 0.75F};
  for (const Mark& mark : make(tracks).marks) EXPECT_EQ(mark.position, tracks.at(0, mark.point));
}

TEST(Defects, D18_PlacesOnlyMarksAreDistinctVisibleAndStill) {
  TrackScene scene;
  scene.velocity = {{40, {3, 0}}};  // a single moving point
  PointTracks tracks = scene.tracks();
  for (int64_t n = 100; n < 110; ++n) hide(tracks, 0, n, tracks.at(0, n));
  const ClipMarks marks = make(tracks);
  EXPECT_EQ(marks.status, "som_only");
  EXPECT_EQ(marks.reason, "nothing_moves");
  EXPECT_TRUE(marks.traces.empty());
  std::set<int64_t> points;
  for (const Mark& mark : marks.marks) {
    EXPECT_FALSE(mark.moving);
    EXPECT_NE(mark.point, 40);
    EXPECT_TRUE(tracks.is_visible(0, mark.point));
    EXPECT_TRUE(points.insert(mark.point).second);
  }
  EXPECT_GE(points.size(), 6U);
}

TEST(Defects, D19_EveryProcedureReturnsMarks) {
  for (const std::string variant : {"corrected", "demo", "video", "robot"}) {
    MarkConfig config;
    config.variant = variant;
    EXPECT_FALSE(make(moving_scene().tracks(), config).marks.empty()) << variant;
  }
}

TEST(Defects, D20_AClipWithoutTracesIsAskedForPlaces) {
  for (const std::string variant : {"corrected", "demo", "video", "robot"}) {
    MarkConfig config;
    config.variant = variant;
    const ClipMarks marks = make(TrackScene().tracks(), config);
    EXPECT_EQ(marks.status, "som_only") << variant;
    const std::vector<nlohmann::json> samples = training_samples(record_of(marks));
    ASSERT_EQ(samples.size(), 1U);
    EXPECT_EQ(samples[0]["id"], "v-s000-c000-som");
  }
}

TEST(Defects, D21_AnItemThatFailsIsRecordedAndGivesNoSample) {
  const nlohmann::json failed =
      failed_record("v", {"v.mp4", "", 0}, "malformed", "error[malformed] v.mp4: not a video");
  EXPECT_EQ(failed["status"], "failed");
  EXPECT_EQ(failed["code"], "malformed");
  PointTracks empty;
  empty.F = 3;
  empty.frame = {64, 64};
  const ClipMarks marks = make(empty);
  EXPECT_EQ(marks.status, "rejected");
  EXPECT_EQ(marks.reason, "no_points");
  EXPECT_TRUE(training_samples(record_of(marks)).empty());
}

TEST(Defects, D22_TheSeedDecidesEverything) {
  const PointTracks tracks = moving_scene().tracks();
  for (const std::string variant : {"corrected", "demo", "video", "robot"}) {
    MarkConfig config;
    config.variant = variant;
    const std::string first = to_json(record_of(make(tracks, config))).dump();
    EXPECT_EQ(to_json(record_of(make(tracks, config))).dump(), first);
    config.seed = 1;
    EXPECT_NE(to_json(record_of(make(tracks, config))).dump(), first) << variant;
  }
}

// A list of videos through the whole program, for the defects of the reference's scripts.
class DefectsOfScripts : public testing::Test {
 protected:
  static constexpr int kFrames = 40;
  static constexpr const char* kOddName = R"(it's; $(touch gone) odd.mp4)";  // there is no such file

  DefectsOfScripts() {
    config_.tracker = "lucas_kanade";
    config_.grid = 2;
    VideoWriterOptions options;
    options.fps_num = 30000;
    options.fps_den = 1001;
    const auto writer = open_video_writer(folder_.path() / "good.mp4", {64, 48}, options);
    for (int i = 0; i < kFrames; ++i) writer->write(Image({64, 48}, {60, 90, static_cast<uint8_t>(70 + i)}));
    writer->finish();
  }

  Path output() const { return folder_.path() / "out"; }
  WorkList list_of(const std::string& lines) const {
    std::ofstream(folder_.path() / "list.jsonl") << lines;
    return read_work_list(folder_.path() / "list.jsonl");
  }
  // Records by item.
  std::map<std::string, Json> run(const std::string& lines) const {
    MarkRunOptions options;
    options.folder = output();
    options.config = config_;
    options.videos = false;
    options.progress = ProgressStyle::Quiet;
    options.program_version = "test";
    options.shards = 1;
    run_marks(list_of(lines), options, mark_item_work({.config = config_, .videos = false}), *local_work_source());
    std::map<std::string, Json> records;
    JsonLines reader(output() / records_file(0));
    while (const auto record = reader.next()) records[(*record)["item"].get<std::string>()] = *record;
    return records;
  }
  std::map<std::string, Json> run_three() {
    config_.min_clip_frames = 10;
    return run(std::string(R"({"id":"good","video":"good.mp4"})") + "\n" +
               R"({"id":"short","video":"good.mp4","end":0.1})" + "\n" + R"({"id":"odd","video":")" + kOddName +
               "\"}\n");
  }

  TemporaryFolder folder_;
  MarkConfig config_;
};

TEST_F(DefectsOfScripts, D23_RangesAreHalfOpenAndFrameRatesExact) {
  const auto records = run(R"({"id":"a","video":"good.mp4","end":0.6673})"
                           "\n"
                           R"({"id":"b","video":"good.mp4","start":0.6673})"
                           "\n");  // frame 20 is shown from second 0.66733 on
  EXPECT_EQ(records.at("a")["frames"]["first"], 0);
  EXPECT_EQ(records.at("a")["frames"]["last"], 20);
  EXPECT_EQ(records.at("b")["frames"]["first"], 20);
  EXPECT_EQ(records.at("b")["frames"]["last"], kFrames);
  EXPECT_EQ(records.at("a")["frames"]["fps_num"], 30000);
  EXPECT_EQ(records.at("a")["frames"]["fps_den"], 1001);
}

TEST_F(DefectsOfScripts, D24_ListsAreCheckedAndEveryItemHasAStatus) {
  EXPECT_THROW(list_of(R"({"id":"a","video":"a.mp4","caption":"unknown key"})"), Error);
  EXPECT_THROW(list_of(R"({"id":"a","video":["a.mp4"]})"), Error);
  const auto records = run_three();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_THAT(records.at("good")["status"], testing::AnyOf("ok", "som_only", "rejected"));
  EXPECT_EQ(records.at("short")["status"], "dropped");
  EXPECT_EQ(records.at("short")["reason"], "short_shot");
  EXPECT_EQ(records.at("odd")["status"], "failed");
  EXPECT_FALSE(std::filesystem::exists("gone") || std::filesystem::exists(folder_.path() / "gone"))
      << "a file name is no command";
}

TEST_F(DefectsOfScripts, D25_FailuresAreExplicitAndNothingStandsInForThem) {
  const auto records = run_three();
  const Json& failed = records.at("odd");
  EXPECT_EQ(failed["code"], "file-system");
  EXPECT_THAT(failed["reason"].get<std::string>(), testing::HasSubstr("odd"));
  EXPECT_TRUE(failed["marks"].empty());
  EXPECT_FALSE(failed.contains("tensors"));
  EXPECT_TRUE(records.at("good")["text"].is_null()) << "no caption is not the caption \"none\"";
  EXPECT_TRUE(records.at("good")["language"].is_null()) << "not scored is not a score";
  JsonLines samples(output() / samples_file(0));
  while (const auto sample = samples.next()) EXPECT_THAT((*sample)["id"], testing::StartsWith("good-"));
}

TEST_F(DefectsOfScripts, D26_WhatIsMissingIsCountedAndNamed) {
  run_three();
  const Json report = read_json(output() / "report.json");
  EXPECT_EQ(report["items"], 3);
  EXPECT_EQ(report["failed"], 1);
  EXPECT_EQ(report["dropped"], 1);
  ASSERT_EQ(report["failed_items"].size(), 1U);
  EXPECT_EQ(report["failed_items"][0]["item"], "odd");
  EXPECT_TRUE(check_output(output()).problems.empty());
  std::filesystem::remove(output() / samples_file(0));
  EXPECT_THAT(check_output(output()).problems, testing::Contains(samples_file(0) + ": missing"));
}

TEST(Defects, D27_ClustersAreOneNumberPerPoint) {
  Rng rng(1);
  EXPECT_EQ(kmeans(std::vector<float>(30, 1), 3, 4, rng).size(), 10U);
}

TEST(Defects, D28_AMisspeltChoiceIsAnErrorAndNotTheDefault) {
  EXPECT_NO_THROW(require_known_choices({}));
  for (std::string MarkConfig::*setting : {&MarkConfig::variant, &MarkConfig::tracker, &MarkConfig::shot_detector,
                                           &MarkConfig::camera_rule, &MarkConfig::family}) {
    MarkConfig config;
    const std::string right = config.*setting;
    std::swap((config.*setting)[1], (config.*setting)[2]);
    try {
      require_known_choices(config);
      ADD_FAILURE() << config.*setting << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Usage);
      EXPECT_THAT(error.fields().hint, testing::HasSubstr(right));
    }
  }
}

TEST(Defects, D29_NumbersNeedNoFontFile) {
  Mark mark;
  mark.id = 23;
  mark.position = {40, 40};
  Image here({640, 480}, {0, 0, 0});
  draw_marks(here, {mark});
  const Path before = std::filesystem::current_path();
  const TemporaryFolder empty;
  std::filesystem::current_path(empty.path());
  Image there({640, 480}, {0, 0, 0});
  draw_marks(there, {mark});
  std::filesystem::current_path(before);
  EXPECT_EQ(there.pixels, here.pixels);
  int white = 0;  // of the digits
  for (int y = 0; y < 80; ++y) {
    for (int x = 0; x < 80; ++x) white += here.at(x, y).g > 100 ? 1 : 0;
  }
  EXPECT_GT(white, 0);
}

}  // namespace
}  // namespace magma
