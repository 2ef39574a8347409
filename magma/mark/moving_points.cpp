#include "magma/mark/moving_points.h"

#include <algorithm>
#include <cmath>

#include "magma/core/check.h"
#include "magma/mark/draw_marks.h"

namespace magma {
namespace {

constexpr int64_t kLag = 5;            // frames: net displacement over them is motion, within them jitter
constexpr double kSensitiveEps = 0.5;  // of eps, in the second look
constexpr double kCalmPx = 0.5;        // px': a background that keeps more residual motion raises eps
constexpr int64_t kFewMoving = 2;      // fewer in the first look ask for the second
constexpr double kDriftPx = 6;         // px': a point that strays farther without moving is no witness of rest
constexpr double kOnsetPx = 2;         // px': leaving its place
constexpr double kLatestOnset = 0.25;  // of the clip, at least kOnsetFrames
constexpr int64_t kOnsetFrames = 10;
constexpr double kShortestRunSeconds = 0.2;  // of an object that is lost soon
constexpr int64_t kShortestRunFrames = 3;
constexpr double kStraightness = 0.8;  // net displacement over path of such a run
// A tracker drags background along where an object's border passes: less sure than on the object, and with a motion of
// its own. A point that is neither sure nor in company stays undecided.
constexpr double kSureConfidence = 0.85;
constexpr double kCompanyPx = 64;     // px': reach of a neighbour on the default grid
constexpr float kSameMotion = 0.06F;  // difference over distance travelled
constexpr size_t kCompanyFrames = 6;

float median(std::vector<float> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// What the track of one point says. Distances from its place at frame 0.
struct Motion {
  int64_t visible = 0;     // frames
  int64_t first_run = 0;   // steps from frame 0 until it is first hidden
  int64_t onset = 0;       // first visible frame away from its place; F when it never is
  double speed_px = 0;     // mean net displacement per frame, over kLag frames with both ends visible
  double run_net_px = 0;   // first run: from end to end
  double run_path_px = 0;  // and along the way
  double farthest_px = 0;
  float typical_px = 0;   // median distance
  double confidence = 0;  // mean over visible frames
};

Motion measure(const PointTracks& tracks, int64_t n, double onset_px) {
  Motion motion;
  motion.onset = tracks.F;
  const int64_t lag = tracks.F <= kLag + 1 ? tracks.F - 1 : kLag;
  std::vector<float> distances;
  double sum = 0;
  int64_t windows = 0;
  for (int64_t t = 0; t < tracks.F; ++t) {
    if (!tracks.is_visible(t, n)) continue;
    ++motion.visible;
    motion.confidence += tracks.confidence[static_cast<size_t>(t * tracks.N + n)];
    const float distance = norm(tracks.at(t, n) - tracks.at(0, n));
    distances.push_back(distance);
    motion.farthest_px = std::max<double>(motion.farthest_px, distance);
    if (distance > onset_px) motion.onset = std::min(motion.onset, t);
    if (t > 0 && motion.first_run == t - 1) {
      motion.first_run = t;
      motion.run_net_px = distance;
      motion.run_path_px += norm(tracks.at(t, n) - tracks.at(t - 1, n));
    }
    if (lag == 0 || t + lag >= tracks.F || !tracks.is_visible(t + lag, n)) continue;
    sum += norm(tracks.at(t + lag, n) - tracks.at(t, n));
    ++windows;
  }
  if (windows > 0) motion.speed_px = sum / static_cast<double>(windows * lag);
  if (motion.visible > 0) motion.confidence /= static_cast<double>(motion.visible);
  motion.typical_px = median(std::move(distances));
  return motion;
}

class Splitter {
 public:
  // A sensitive one takes half the speed, and small objects that are lost soon.
  Splitter(const PointTracks& tracks, const MarkConfig& config, double fps, bool sensitive, double residual_px)
      : tracks_(tracks),
        config_(config),
        scale_(pixel_scale(tracks.frame)),
        sensitive_(sensitive),
        eps_px_(config.eps_px * scale_ * 30 / fps * (sensitive ? kSensitiveEps : 1) *
                std::max(1.0, residual_px / (kCalmPx * scale_))),
        shortest_run_(std::max(kShortestRunFrames, static_cast<int64_t>(std::ceil(kShortestRunSeconds * fps)))),
        latest_onset_(std::max(kOnsetFrames, static_cast<int64_t>(kLatestOnset * static_cast<double>(tracks.F)))) {}

  void decide(int64_t n, PointSplit& split) const {
    const auto i = static_cast<size_t>(n);
    if (!tracks_.is_visible(0, n) || !inside(tracks_.at(0, n), tracks_.frame, mark_radius_px(tracks_.frame))) return;
    const Motion motion = measure(tracks_, n, kOnsetPx * scale_);
    const bool seen = static_cast<double>(motion.visible) > config_.min_visible * static_cast<double>(tracks_.F);
    const double speed = seen ? motion.speed_px : run_speed(motion);
    split.kind[i] = PointKind::Unknown;
    split.speed[i] = static_cast<float>(speed);
    split.evidence[i] = static_cast<float>(speed / eps_px_);
    if (split.evidence[i] >= 1) {
      // A point that rests for long and then leaves is mostly background that a passing object dragged along.
      const bool credible = sensitive_ || motion.confidence >= kSureConfidence || has_company(n, motion);
      split.kind[i] = motion.onset <= latest_onset_ && credible ? PointKind::Moving : PointKind::Unknown;
    } else if (seen && motion.farthest_px <= kDriftPx * scale_) {
      split.kind[i] = PointKind::Static;
    }
  }

 private:
  // Small objects are lost soon: what counts is one straight run from the first frame on.
  double run_speed(const Motion& motion) const {
    if (!sensitive_) return 0;
    const bool straight = motion.run_net_px >= kStraightness * motion.run_path_px;
    if (motion.first_run < shortest_run_ || !straight || motion.run_net_px < kDriftPx * scale_) return 0;
    return motion.run_net_px / static_cast<double>(motion.first_run);
  }

  bool has_company(int64_t n, const Motion& motion) const {
    for (int64_t other = 0; other < tracks_.N; ++other) {
      const bool near = norm(tracks_.at(0, other) - tracks_.at(0, n)) <= kCompanyPx * scale_;
      if (other != n && near && tracks_.is_visible(0, other) && same_motion(n, other, motion.typical_px)) return true;
    }
    return false;
  }

  bool same_motion(int64_t a, int64_t b, float travelled_px) const {
    std::vector<float> differences;
    for (int64_t t = 1; t < tracks_.F; ++t) {
      if (!tracks_.is_visible(t, a) || !tracks_.is_visible(t, b)) continue;
      differences.push_back(norm((tracks_.at(t, a) - tracks_.at(0, a)) - (tracks_.at(t, b) - tracks_.at(0, b))));
    }
    if (differences.size() < kCompanyFrames) return false;
    return median(std::move(differences)) <= kSameMotion * (static_cast<float>(scale_) + travelled_px);
  }

  const PointTracks& tracks_;
  const MarkConfig& config_;
  const double scale_;
  const bool sensitive_;
  const double eps_px_;  // of the tracking frame, per frame
  const int64_t shortest_run_;
  const int64_t latest_onset_;
};

}  // namespace

PointSplit split_points(const PointTracks& stabilised, const CameraMotion& camera, const MarkConfig& config,
                        double fps) {
  MAGMA_CHECK(fps > 0, "{} frames per second", fps);
  const auto N = static_cast<size_t>(stabilised.N);
  PointSplit split{std::vector<PointKind>(N, PointKind::Unknown), std::vector<float>(N, 0), std::vector<float>(N, 0),
                   0};
  const auto look = [&](bool sensitive) {
    const Splitter splitter(stabilised, config, fps, sensitive, camera.background_residual_px);
    for (int64_t n = 0; n < stabilised.N; ++n) splitter.decide(n, split);
  };
  look(false);
  int64_t clearly_moving = 0;
  for (size_t i = 0; i < N; ++i) {
    if (split.kind[i] == PointKind::Moving && split.evidence[i] >= kClearlyMoving) ++clearly_moving;
  }
  if (clearly_moving < kFewMoving && !camera.moving) look(true);
  std::vector<float> resting;
  for (int64_t n = 0; n < stabilised.N; ++n) {
    if (split.kind[static_cast<size_t>(n)] == PointKind::Static)
      resting.push_back(measure(stabilised, n, 0).typical_px);
  }
  split.noise_px = median(std::move(resting));
  return split;
}

}  // namespace magma
