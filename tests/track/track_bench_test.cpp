#include "magma/track/track_bench.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/image/video_reader.h"
#include "magma/nn/safetensors.h"
#include "magma/track/track_file.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

constexpr SyntheticOptions kShort = {.seed = 4, .size = {320, 192}, .frames = 8};

TEST(TrackBench, RecordedClipIsTheVideoThatWasRendered) {
  const TemporaryFolder folder;
  const RecordedClip clip = record_clip(kShort, 5, folder.path());
  ASSERT_EQ(clip.frames.size(), 8U);
  EXPECT_EQ(clip.truth.truth.N, 25);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "the video is not left behind";
  const Image rendered = SyntheticScene(kShort).render(5);
  double difference = 0;
  for (size_t i = 0; i < clip.frames[5].luma.pixels.size(); ++i) {
    const uint8_t* p = &rendered.pixels[3 * i];
    difference += std::abs(0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2] - clip.frames[5].luma.pixels[i]);
  }
  EXPECT_LT(difference / static_cast<double>(clip.frames[5].luma.pixels.size()), 6) << "mean levels of luma";
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

TEST(SlowTrackBench, SplitterIsScoredAgainstTheOwners) {
  const TemporaryFolder folder;
  TrackBenchOptions options = {.trackers = {"lucas_kanade"}, .only = "static_small_objects", .scratch = folder.path()};
  options.split = [](const PointTracks& tracks, double) {
    std::vector<uint8_t> moving;
    for (int64_t n = 0; n < tracks.N; ++n) moving.push_back(norm(tracks.at(12, n) - tracks.at(0, n)) > 3 ? 1 : 0);
    return moving;
  };
  const std::vector<TrackBenchRow> rows = bench_trackers(options);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_GT(rows[0].score.average_jaccard, 30);
  EXPECT_GT(rows[0].moving_f1.value(), 0.5);
  EXPECT_LT(rows[0].false_moving, 0.2);
}

}  // namespace
}  // namespace magma
