#include "magma/mark/moving_points.h"

#include <algorithm>
#include <cmath>

#include "magma/core/check.h"
#include "magma/mark/clip_marks.h"
#include "magma/mark/draw_marks.h"

namespace magma {
namespace {

constexpr int64_t kLag = 5;            // frames: net displacement over them is motion, within them jitter
constexpr double kSensitiveEps = 0.3;  // of eps, in the second look
constexpr double kCalmPx = 0.5;        // px': a background that keeps more residual motion raises eps
constexpr int64_t kFewMoving = 2;      // fewer in the first look ask for the second
constexpr double kDriftPx = 6;         // px': a point that strays farther without moving is no witness of rest
constexpr double kOnsetPx = 2;         // px': leaving its place
constexpr double kLatestOnset = 0.25;  // of the clip, at least kOnsetFrames
constexpr int64_t kOnsetFrames = 10;
constexpr double kRestPx = 3;         // px': a point that is lost soon is static only when it kept this close
constexpr double kFixedPx = 1;        // px': what stays this close to its place under a moving camera is fixed to it,
constexpr double kFixedShare = 0.02;  // or this close for how far it gets once the camera is removed
// Points that are lost soon: seconds and frames, at least, of the run from frame 0 on.
constexpr double kShortRunSeconds = 0.1;
constexpr double kStraightRunSeconds = 0.2;  // in the second look, for a mark
constexpr int64_t kShortestRunFrames = 3;
constexpr double kRunPx = 4;           // px' from end to end
constexpr double kStraightness = 0.8;  // net displacement over path
// A tracker drags background along where an object's border passes: it fits less well than the clip's other points, and
// has a motion of its own. A point that is neither sure nor in company stays undecided.
constexpr double kGoodShortfall = 0.05;  // of confidence against the clip's median, over all frames and the first ones
constexpr double kSureShortfall = 0.16;
constexpr int64_t kFirstFrames = 12;
constexpr double kCompanyPx = 64;     // px': reach of a neighbour on the default grid
constexpr float kSameMotion = 0.06F;  // difference over distance travelled
constexpr size_t kCompanyFrames = 3;
constexpr float kFlatQuality = 0.06F;

template <typename T>
T median(std::vector<T> values) {
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
  double typical_px = 0;        // median distance
  double confidence = 0;        // mean over visible frames
  double first_confidence = 0;  // mean over the first frames of the first run
};

Motion measure(const PointTracks& tracks, int64_t n, double onset_px) {
  Motion motion;
  motion.onset = tracks.F;
  const int64_t lag = tracks.F <= kLag + 1 ? tracks.F - 1 : kLag;
  std::vector<double> distances;
  double sum = 0;
  int64_t windows = 0;
  for (int64_t t = 0; t < tracks.F; ++t) {
    if (!tracks.is_visible(t, n)) continue;
    ++motion.visible;
    const double confidence = tracks.confidence[static_cast<size_t>(t * tracks.N + n)];
    motion.confidence += confidence;
    const double distance = norm(tracks.at(t, n) - tracks.at(0, n));
    distances.push_back(distance);
    motion.farthest_px = std::max(motion.farthest_px, distance);
    if (distance > onset_px) motion.onset = std::min(motion.onset, t);
    if (t > 0 && motion.first_run == t - 1) {
      motion.first_run = t;
      motion.run_net_px = distance;
      motion.run_path_px += norm(tracks.at(t, n) - tracks.at(t - 1, n));
      if (t <= kFirstFrames) motion.first_confidence += confidence;
    }
    if (lag == 0 || t + lag >= tracks.F || !tracks.is_visible(t + lag, n)) continue;
    sum += norm(tracks.at(t + lag, n) - tracks.at(t, n));
    ++windows;
  }
  if (windows > 0) motion.speed_px = sum / static_cast<double>(windows * lag);
  if (motion.visible > 0) motion.confidence /= static_cast<double>(motion.visible);
  if (motion.first_run > 0) motion.first_confidence /= static_cast<double>(std::min(motion.first_run, kFirstFrames));
  motion.typical_px = median(std::move(distances));
  return motion;
}

class Splitter {
 public:
  Splitter(const ClipInput& clip, const PointTracks& stabilised, const CameraMotion& camera, const MarkConfig& config)
      : tracks_(*clip.tracks),
        quality_(clip.quality),
        stabilised_(stabilised),
        camera_moves_(camera.moving),
        min_visible_(config.min_visible * static_cast<double>(tracks_.F)),
        fps_(clip.fps),
        scale_(pixel_scale(tracks_.frame)),
        eps_px_(config.eps_px * scale_ * 30 / clip.fps *
                std::max(1.0, camera.background_residual_px / (kCalmPx * scale_))),
        latest_onset_(std::max(kOnsetFrames, static_cast<int64_t>(kLatestOnset * static_cast<double>(tracks_.F)))) {
    std::vector<double> confidence, first_confidence;
    for (int64_t n = 0; n < tracks_.N; ++n) {
      const Motion& motion = motion_.emplace_back(measure(stabilised, n, kOnsetPx * scale_));
      if (!seen(motion)) continue;
      confidence.push_back(motion.confidence);
      if (motion.first_run > 0) first_confidence.push_back(motion.first_confidence);
    }
    usual_confidence_ = median(std::move(confidence)) + median(std::move(first_confidence));
  }

  // A sensitive look takes half the speed and does without sureness and company.
  void decide(int64_t n, bool sensitive, PointSplit& split) const {
    const auto i = static_cast<size_t>(n);
    split.kind[i] = PointKind::Unknown;
    split.worth[i] = MarkWorth::None;
    if (!tracks_.is_visible(0, n)) return;
    const Motion& motion = motion_[i];
    const double speed = seen(motion) ? motion.speed_px : run_speed(motion);
    split.speed[i] = static_cast<float>(speed);
    split.evidence[i] = static_cast<float>(speed / threshold_px(sensitive));
    if (split.evidence[i] < 1) {
      const double farthest = (seen(motion) ? kDriftPx : kRestPx) * scale_;
      if (motion.farthest_px > farthest || (!seen(motion) && motion.first_run < shortest_run(kShortRunSeconds))) return;
      split.kind[i] = PointKind::Static;
      if (seen(motion) && inside_margin(n)) split.worth[i] = MarkWorth::Good;
      return;
    }
    if (flat(n) || !leaves_early(motion) || fixed_to_picture(n)) return;
    const bool company = has_company(n);
    const double shortfall = usual_confidence_ - motion.confidence - motion.first_confidence;
    if (!sensitive && !company && shortfall > kSureShortfall) return;
    split.kind[i] = PointKind::Moving;
    if (!inside_margin(n) || !(seen(motion) || (sensitive && straight_run(motion)))) return;
    const bool good = shortfall <= (company ? kSureShortfall : kGoodShortfall);
    split.worth[i] = good ? MarkWorth::Good : MarkWorth::Doubtful;
  }

  double threshold_px(bool sensitive) const { return eps_px_ * (sensitive ? kSensitiveEps : 1); }
  double typical_px(int64_t n) const { return motion_[static_cast<size_t>(n)].typical_px; }

 private:
  bool seen(const Motion& motion) const { return static_cast<double>(motion.visible) > min_visible_; }
  bool inside_margin(int64_t n) const { return inside(tracks_.at(0, n), tracks_.frame, mark_radius_px(tracks_.frame)); }
  // Too little texture to be followed: such a point takes the motion of those around it.
  bool flat(int64_t n) const { return !quality_.empty() && quality_[static_cast<size_t>(n)] < kFlatQuality; }
  int64_t shortest_run(double seconds) const {
    return std::max(kShortestRunFrames, static_cast<int64_t>(std::ceil(seconds * fps_)));
  }

  // Of a point that is lost soon: from frame 0 until then.
  double run_speed(const Motion& motion) const {
    if (motion.first_run < shortest_run(kShortRunSeconds) || motion.run_net_px < kRunPx * scale_) return 0;
    return motion.run_net_px / static_cast<double>(motion.first_run);
  }

  bool straight_run(const Motion& motion) const {
    return motion.first_run >= shortest_run(kStraightRunSeconds) && motion.run_net_px >= kDriftPx * scale_ &&
           motion.run_net_px >= kStraightness * motion.run_path_px;
  }

  // A point that rests for long and then leaves, or is found elsewhere, is mostly background that a passing object
  // dragged along.
  bool leaves_early(const Motion& motion) const {
    return motion.onset <= std::min(latest_onset_, motion.first_run) &&
           (seen(motion) || 2 * motion.onset <= motion.first_run);
  }

  // A logo or a part of the camera's mount: what the camera carries along does not move of itself.
  bool fixed_to_picture(int64_t n) const {
    if (!camera_moves_) return false;
    const double farthest_px = std::max(kFixedPx * scale_, kFixedShare * motion_[static_cast<size_t>(n)].farthest_px);
    for (int64_t t = 1; t < tracks_.F; ++t) {
      if (tracks_.is_visible(t, n) && norm(tracks_.at(t, n) - tracks_.at(0, n)) > farthest_px) return false;
    }
    return true;
  }

  bool has_company(int64_t n) const {
    for (int64_t other = 0; other < tracks_.N; ++other) {
      const bool near = norm(tracks_.at(0, other) - tracks_.at(0, n)) <= kCompanyPx * scale_;
      if (other != n && near && tracks_.is_visible(0, other) && !flat(other) && same_motion(n, other)) return true;
    }
    return false;
  }

  bool same_motion(int64_t a, int64_t b) const {
    std::vector<float> differences, distances;
    for (int64_t t = 1; t < stabilised_.F; ++t) {
      if (!stabilised_.is_visible(t, a) || !stabilised_.is_visible(t, b)) continue;
      const Point way = stabilised_.at(t, a) - stabilised_.at(0, a);
      differences.push_back(norm(way - (stabilised_.at(t, b) - stabilised_.at(0, b))));
      distances.push_back(norm(way));
    }
    if (differences.size() < kCompanyFrames) return false;
    return median(std::move(differences)) <= kSameMotion * (static_cast<float>(scale_) + median(std::move(distances)));
  }

  const PointTracks& tracks_;
  const std::vector<float>& quality_;  // [N] or empty
  const PointTracks& stabilised_;
  const bool camera_moves_;
  const double min_visible_;  // frames
  const double fps_, scale_;
  const double eps_px_;  // of the tracking frame, per frame
  const int64_t latest_onset_;
  std::vector<Motion> motion_;   // [N]
  double usual_confidence_ = 0;  // medians of points that are seen, over all frames plus over the first ones
};

}  // namespace

PointSplit split_points(const ClipInput& clip, const PointTracks& stabilised, const CameraMotion& camera,
                        const MarkConfig& config) {
  MAGMA_CHECK(clip.fps > 0, "{} frames per second", clip.fps);
  const auto N = static_cast<size_t>(stabilised.N);
  PointSplit split{.kind = std::vector<PointKind>(N, PointKind::Unknown),
                   .speed = std::vector<float>(N, 0),
                   .evidence = std::vector<float>(N, 0),
                   .worth = std::vector<MarkWorth>(N, MarkWorth::None)};
  const Splitter splitter(clip, stabilised, camera, config);
  for (int64_t n = 0; n < stabilised.N; ++n) splitter.decide(n, false, split);
  int64_t clearly_moving = 0;
  for (size_t i = 0; i < N; ++i) {
    const bool marked = split.kind[i] == PointKind::Moving && split.worth[i] != MarkWorth::None;
    clearly_moving += marked && split.evidence[i] >= kClearlyMoving ? 1 : 0;
  }
  const bool sensitive = clearly_moving < kFewMoving && !camera.moving;
  split.threshold_px = splitter.threshold_px(sensitive);
  if (sensitive) {
    for (int64_t n = 0; n < stabilised.N; ++n) splitter.decide(n, true, split);
  }
  std::vector<double> resting;
  for (int64_t n = 0; n < stabilised.N; ++n) {
    if (split.kind[static_cast<size_t>(n)] == PointKind::Static) resting.push_back(splitter.typical_px(n));
  }
  split.noise_px = median(std::move(resting));
  return split;
}

}  // namespace magma
