#include "magma/track/metrics.h"

#include <algorithm>
#include <array>

#include "magma/core/check.h"

namespace magma {
namespace {

constexpr std::array<double, 5> kThresholds = {1, 2, 4, 8, 16};  // px at 256 x 256
constexpr double kSurvivalPx = 50;                               // px at 256 x 256

double percent(int64_t part, int64_t whole) { return 100.0 * static_cast<double>(part) / static_cast<double>(whole); }

struct Errors {
  double scaled_squared = 0;  // at 256 x 256
  double native_px = 0;
};

Errors error_of(Point truth, Point predicted, Size frame) {
  const double dx = static_cast<double>(predicted.x) - truth.x;
  const double dy = static_cast<double>(predicted.y) - truth.y;
  const double sx = dx * 255.0 / std::max(1, frame.w - 1);
  const double sy = dy * 255.0 / std::max(1, frame.h - 1);
  return {sx * sx + sy * sy, std::sqrt(dx * dx + dy * dy)};
}

struct Counts {
  int64_t evaluated = 0, visible = 0, agreed = 0;
  int64_t surviving = 0;                      // point-frames before the point's first failure
  std::array<int64_t, 5> near_visible = {};   // within the threshold, visible in truth
  std::array<int64_t, 5> near_occluded = {};  // within the threshold, hidden in truth
  std::array<int64_t, 5> true_positive = {};
  std::array<int64_t, 5> false_positive = {};
  std::vector<double> native_px;

  void add(const Errors& error, bool truth_visible, bool predicted_visible) {
    ++evaluated;
    visible += truth_visible ? 1 : 0;
    agreed += truth_visible == predicted_visible ? 1 : 0;
    if (truth_visible) native_px.push_back(error.native_px);
    for (size_t i = 0; i < kThresholds.size(); ++i) {
      const bool near = error.scaled_squared < kThresholds[i] * kThresholds[i];
      near_visible[i] += near && truth_visible ? 1 : 0;
      near_occluded[i] += near && !truth_visible ? 1 : 0;
      true_positive[i] += near && truth_visible && predicted_visible ? 1 : 0;
      false_positive[i] += predicted_visible && !(near && truth_visible) ? 1 : 0;
    }
  }
};

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

TrackScore score_of(Counts& counts) {
  TrackScore score;
  const int64_t occluded = counts.evaluated - counts.visible;
  double delta_occluded = 0;
  for (size_t i = 0; i < kThresholds.size(); ++i) {
    score.delta += percent(counts.near_visible[i], counts.visible) / kThresholds.size();
    score.average_jaccard +=
        percent(counts.true_positive[i], counts.visible + counts.false_positive[i]) / kThresholds.size();
    if (occluded > 0) delta_occluded += percent(counts.near_occluded[i], occluded) / kThresholds.size();
  }
  if (occluded > 0) score.delta_occluded = delta_occluded;
  score.delta_1px = percent(counts.near_visible[0], counts.visible);
  score.occlusion_accuracy = percent(counts.agreed, counts.evaluated);
  score.survival = percent(counts.surviving, counts.evaluated);
  score.median_error_px = median(counts.native_px);
  return score;
}

}  // namespace

std::optional<TrackScore> score_tracks(const PointTracks& truth, const PointTracks& predicted,
                                       std::span<const uint8_t> scored) {
  MAGMA_CHECK(truth.F == predicted.F && truth.N == predicted.N && truth.frame == predicted.frame,
              "truth is [{}, {}] and prediction [{}, {}]", truth.F, truth.N, predicted.F, predicted.N);
  MAGMA_CHECK(static_cast<int64_t>(scored.size()) == truth.N, "{} scored flags for {} points", scored.size(), truth.N);
  Counts counts;
  for (int64_t n = 0; n < truth.N; ++n) {
    if (scored[static_cast<size_t>(n)] == 0) continue;
    bool survives = true;
    for (int64_t f = 1; f < truth.F; ++f) {
      const Errors error = error_of(truth.at(f, n), predicted.at(f, n), truth.frame);
      const bool visible = truth.is_visible(f, n);
      survives = survives && !(visible && error.scaled_squared > kSurvivalPx * kSurvivalPx);
      counts.surviving += survives ? 1 : 0;
      counts.add(error, visible, predicted.is_visible(f, n));
    }
  }
  if (counts.visible == 0) return std::nullopt;
  return score_of(counts);
}

}  // namespace magma
