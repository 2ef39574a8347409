#include "magma/track/track_bench.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/image/video_reader.h"
#include "magma/nn/safetensors.h"
#include "magma/track/query_points.h"
#include "magma/track/track_file.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

constexpr int kGrid = 15;
constexpr SyntheticOptions kShort = {.seed = 4, .size = {320, 192}, .frames = 8};

// Mean difference in levels between the decoded luma and that of a rendered picture.
double luma_difference(const Planes& planes, const Image& rendered) {
  const double red = planes.bt709 ? 0.2126 : 0.299, blue = planes.bt709 ? 0.0722 : 0.114;
  double sum = 0;
  for (size_t i = 0; i < planes.luma.pixels.size(); ++i) {
    const uint8_t* p = &rendered.pixels[3 * i];
    sum += std::abs(red * p[0] + (1 - red - blue) * p[1] + blue * p[2] - planes.luma.pixels[i]);
  }
  return sum / static_cast<double>(planes.luma.pixels.size());
}

TEST(TrackBench, RecordedClipIsTheVideoThatWasRendered) {
  const TemporaryFolder folder;
  const RecordedClip clip = record_clip(kShort, 5, folder.path());
  ASSERT_EQ(clip.frames.size(), 8U);
  EXPECT_EQ(clip.truth.truth.N, 25);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "the video is not left behind";
  const SyntheticScene scene(kShort);
  const double same = luma_difference(clip.frames[5], scene.render(5));
  EXPECT_LT(same, 4);
  EXPECT_GT(luma_difference(clip.frames[5], scene.render(4)), 2 * same);
  EXPECT_GT(luma_difference(clip.frames[5], scene.render(6)), 2 * same);
}

TEST(TrackBench, WrittenClipHoldsVideoAndTruth) {
  const TemporaryFolder folder;
  write_suite_clip({"short", kShort}, 5, folder.path() / "suite");
  int frames = 0;
  const auto reader = open_video(folder.path() / "suite" / "short.mp4");
  while (reader->next() != nullptr) ++frames;
  EXPECT_EQ(frames, 8);
  const Path file = folder.path() / "suite" / "short.safetensors";
  const PointTracks tracks = read_tracks(file, {1, 1});
  EXPECT_EQ(tracks.F, 8);
  EXPECT_EQ(tracks.N, 25);
  EXPECT_EQ(tracks.frame, kShort.size);
  EXPECT_EQ(SafetensorsFile(file).entry("short/homography").shape, (std::vector<int64_t>{8, 3, 3}));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path() / "suite"), {}), 2);
}

TEST(TrackBench, UnknownClipAndTrackerAreUsageErrors) {
  const TemporaryFolder folder;
  EXPECT_THROW(bench_trackers({.trackers = {"lucas_kanade"}, .only = "no such clip", .scratch = folder.path()}), Error);
}

TEST(TrackBench, MeansAreUnweightedAndPerTracker) {
  std::vector<TrackBenchRow> rows(3);
  rows[0].tracker = rows[1].tracker = "a";
  rows[2].tracker = "b";
  rows[0].score.average_jaccard = 50;
  rows[1].score.average_jaccard = 70;
  rows[2].score.average_jaccard = 10;
  rows[1].moving_f1 = 0.5;  // the only clip of "a" with moving points
  const std::vector<TrackBenchRow> means = mean_rows(rows);
  ASSERT_EQ(means.size(), 2U);
  EXPECT_NEAR(means[0].score.average_jaccard, 60, 1e-12);
  EXPECT_NEAR(means[0].moving_f1.value(), 0.5, 1e-12);
  EXPECT_FALSE(means[1].moving_f1.has_value());
  const nlohmann::json json = bench_json(means);
  EXPECT_EQ(json.at(1).at("tracker"), "b");
  EXPECT_TRUE(json.at(1).at("moving_f1").is_null());
}

SuiteClip clip_named(const std::string& name) {
  for (const SuiteClip& clip : synthetic_suite()) {
    if (clip.name == name) return clip;
  }
  ADD_FAILURE() << "no clip " << name;
  return {};
}

TEST(SlowTrackBench, SplitterIsScoredAgainstTheOwners) {
  const TemporaryFolder folder;
  TrackBenchOptions options = {.trackers = {"lucas_kanade"}, .only = "static_small_objects", .scratch = folder.path()};
  options.split = [](const PointTracks& tracks, double) {  // everything moves, but the first row is left undecided
    std::vector<uint8_t> moving(static_cast<size_t>(tracks.N), 1);
    std::fill_n(moving.begin(), kGrid, uint8_t{2});
    return moving;
  };
  const std::vector<TrackBenchRow> rows = bench_trackers(options);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_GT(rows[0].score.average_jaccard, 30);

  const SuiteClip clip = clip_named("static_small_objects");
  std::vector<Point> points;
  for (const Query& query : grid_queries(clip.options.size, kGrid)) points.push_back(query.point);
  const SyntheticClip truth = SyntheticScene(clip.options).truth(points);
  double moving = 0, all = 0;
  for (size_t n = kGrid; n < points.size(); ++n) {
    moving += truth.scored[n] != 0 ? truth.moving[n] : 0;
    all += truth.scored[n];
  }
  EXPECT_NEAR(rows[0].moving_f1.value(), 2 * moving / (moving + all), 1e-12);
  EXPECT_EQ(rows[0].false_moving, 1);
}

}  // namespace
}  // namespace magma
