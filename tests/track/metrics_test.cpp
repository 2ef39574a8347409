#include "magma/track/metrics.h"

#include <gtest/gtest.h>

namespace magma {
namespace {

// Two frames of 256 x 256, where a pixel is a pixel of the metric; every point starts at (100, 100).
PointTracks two_frames(const std::vector<Point>& second, const std::vector<uint8_t>& visible) {
  PointTracks tracks;
  tracks.F = 2;
  tracks.N = static_cast<int64_t>(second.size());
  tracks.frame = {256, 256};
  tracks.xy.assign(second.size(), {100, 100});
  tracks.xy.insert(tracks.xy.end(), second.begin(), second.end());
  tracks.visible.assign(second.size(), 1);
  tracks.visible.insert(tracks.visible.end(), visible.begin(), visible.end());
  tracks.confidence.assign(second.size() * 2, 1);
  return tracks;
}

TEST(Metrics, ThreePointsByHand) {
  const PointTracks truth = two_frames({{100, 100}, {100, 100}, {100, 100}}, {1, 1, 1});
  const PointTracks predicted = two_frames({{100.5F, 100}, {100, 103}, {120, 100}}, {1, 0, 1});
  const auto score = score_tracks(truth, predicted, std::vector<uint8_t>{1, 1, 1});
  ASSERT_TRUE(score.has_value());
  EXPECT_NEAR(score->occlusion_accuracy, 200.0 / 3, 1e-9);
  EXPECT_NEAR(score->delta, 100.0 * (1 + 1 + 2 + 2 + 2) / 15, 1e-9);
  EXPECT_NEAR(score->delta_1px, 100.0 / 3, 1e-9);
  // At every threshold: one true positive, three visible, one false positive (the point 20 px off).
  EXPECT_NEAR(score->average_jaccard, 25, 1e-9);
  EXPECT_NEAR(score->median_error_px, 3, 1e-6);
  EXPECT_NEAR(score->survival, 100, 1e-9);
  EXPECT_FALSE(score->delta_occluded.has_value());
}

TEST(Metrics, HiddenPointsCountAsFalsePositivesAndInTheirOwnDelta) {
  const PointTracks truth = two_frames({{100, 100}, {100, 100}}, {1, 0});
  const PointTracks predicted = two_frames({{100, 100}, {105, 100}}, {1, 1});
  const auto score = score_tracks(truth, predicted, std::vector<uint8_t>{1, 1});
  ASSERT_TRUE(score.has_value());
  EXPECT_NEAR(score->average_jaccard, 50, 1e-9);
  EXPECT_NEAR(score->delta, 100, 1e-9);
  EXPECT_NEAR(score->occlusion_accuracy, 50, 1e-9);
  EXPECT_NEAR(score->delta_occluded.value(), 40, 1e-9);  // 5 px is within 8 and 16
}

TEST(Metrics, ThresholdsAreStrictAndScaledPerAxis) {
  PointTracks truth = two_frames({{100, 100}}, {1});
  PointTracks predicted = two_frames({{101, 100}}, {1});
  EXPECT_EQ(score_tracks(truth, predicted, std::vector<uint8_t>{1})->delta_1px, 0);
  truth.frame = predicted.frame = {511, 256};  // one pixel across is now half a pixel of the metric
  EXPECT_EQ(score_tracks(truth, predicted, std::vector<uint8_t>{1})->delta_1px, 100);
}

TEST(Metrics, SurvivalEndsWithTheFirstFarMiss) {
  PointTracks truth = two_frames({{100, 100}}, {1});
  PointTracks predicted = two_frames({{151, 100}}, {1});
  for (PointTracks* tracks : {&truth, &predicted}) {  // a third frame, exact again
    tracks->F = 3;
    tracks->xy.push_back({100, 100});
    tracks->visible.push_back(1);
  }
  EXPECT_EQ(score_tracks(truth, predicted, std::vector<uint8_t>{1})->survival, 0);
  predicted.xy[1].x = 150;
  EXPECT_EQ(score_tracks(truth, predicted, std::vector<uint8_t>{1})->survival, 100);
}

TEST(Metrics, NothingToScoreGivesNoScore) {
  const PointTracks hidden = two_frames({{100, 100}}, {0});
  const PointTracks seen = two_frames({{100, 100}}, {1});
  EXPECT_FALSE(score_tracks(hidden, hidden, std::vector<uint8_t>{1}).has_value());
  EXPECT_FALSE(score_tracks(seen, seen, std::vector<uint8_t>{0}).has_value());
}

}  // namespace
}  // namespace magma
