#include "magma/mark/camera_motion.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "magma/core/check.h"
#include "magma/mark/homography_fit.h"

namespace magma {
namespace {

constexpr double kInlierPx = 1.5;          // px', and at least as many of the tracking frame, whose grain tracks have
constexpr double kBackgroundShare = 0.6;   // of the fits a background point must agree with
constexpr int64_t kMembershipFrames = 16;  // evenly spaced; more change nothing but the time
constexpr size_t kFewestBackground = 12;
constexpr int64_t kFewestInliers = 10;
constexpr double kStillPx = 1.5;         // px': a camera that moves the background less is static
constexpr double kMostUnfitted = 0.2;    // of the frames
constexpr int64_t kFewestWitnesses = 6;  // background points that must bear out a chained frame
constexpr double kSimilarGroups = 0.5;   // size ratio of two motion groups that makes a clip ambiguous
constexpr double kThinGroup = 0.1;       // of the points: fewer that share a motion ask for a wider threshold
constexpr int kWidenings = 2;            // doublings
constexpr double kSmallestGroup = 0.15;  // of the largest: smaller ones cannot be the background
constexpr double kSmallestStill = 0.3;   // nor compact ones that stand still: a logo is no background
constexpr double kMagmaRuleShare = 0.8;
constexpr double kMagmaRulePx = 1.0;

using Mask = std::vector<uint8_t>;  // [N]

double inlier_px(Size frame) { return kInlierPx * std::max(1.0, pixel_scale(frame)); }

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Offered {
  PointPairs pairs;            // positions at t and at 0
  std::vector<size_t> points;  // their indices
};

Offered offered_points(const PointTracks& tracks, int64_t t, int64_t target, const Mask& mask) {
  Offered offered;
  for (int64_t n = 0; n < tracks.N; ++n) {
    if (!mask[static_cast<size_t>(n)] || !tracks.is_visible(t, n) || !tracks.is_visible(target, n)) continue;
    offered.pairs.add(tracks.at(t, n), tracks.at(target, n));
    offered.points.push_back(static_cast<size_t>(n));
  }
  return offered;
}

// Frames 1 .. F-1, evenly spaced; the last one included.
std::vector<int64_t> sampled_frames(const PointTracks& tracks) {
  const int64_t samples = std::min(kMembershipFrames, tracks.F - 1);
  std::vector<int64_t> frames;
  for (int64_t sample = 1; sample <= samples; ++sample) frames.push_back(sample * (tracks.F - 1) / samples);
  return frames;
}

// Points of `mask` that share the most common motion between frame 0 and t.
Mask inliers_at(const PointTracks& tracks, int64_t t, const Mask& mask, double threshold_px) {
  Mask inliers(mask.size(), 0);
  const Offered offered = offered_points(tracks, t, 0, mask);
  const std::optional<Homography> h = robust_homography(offered.pairs, threshold_px);
  if (!h) return inliers;
  for (size_t i = 0; i < offered.points.size(); ++i) {
    inliers[offered.points[i]] = transfer_error(*h, offered.pairs.from[i], offered.pairs.to[i]) <= threshold_px;
  }
  return inliers;
}

// Share of the sampled frames in which each point of `mask` agrees with the motion of one group, [N]. The group is
// taken from the middle of the clip, where motions have come apart: a fit of its own for every frame could follow
// another group in each.
std::vector<double> agreement(const PointTracks& tracks, const Mask& mask, double threshold_px) {
  const std::vector<int64_t> frames = sampled_frames(tracks);
  const Mask group = inliers_at(tracks, frames[frames.size() / 2], mask, threshold_px);
  std::vector<double> agreed(static_cast<size_t>(tracks.N), 0);
  std::vector<double> fits(static_cast<size_t>(tracks.N), 0);
  for (const int64_t t : frames) {
    const std::optional<Homography> h = robust_homography(offered_points(tracks, t, 0, group).pairs, threshold_px);
    if (!h) continue;
    const Offered offered = offered_points(tracks, t, 0, mask);
    for (size_t i = 0; i < offered.points.size(); ++i) {
      fits[offered.points[i]] += 1;
      if (transfer_error(*h, offered.pairs.from[i], offered.pairs.to[i]) <= threshold_px)
        agreed[offered.points[i]] += 1;
    }
  }
  for (size_t n = 0; n < agreed.size(); ++n) agreed[n] = fits[n] > 0 ? agreed[n] / fits[n] : 0;
  return agreed;
}

Mask members(const std::vector<double>& agreed) {
  Mask mask(agreed.size(), 0);
  for (size_t n = 0; n < agreed.size(); ++n) mask[n] = agreed[n] > kBackgroundShare;
  const auto count = static_cast<size_t>(std::count(mask.begin(), mask.end(), 1));
  if (count >= kFewestBackground) return mask;
  std::vector<size_t> order(agreed.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return agreed[a] > agreed[b]; });
  for (size_t i = 0; i < std::min(kFewestBackground, order.size()); ++i) mask[order[i]] = 1;
  return mask;
}

int64_t count(const Mask& mask) { return std::count(mask.begin(), mask.end(), 1); }

// How far a group spreads over the picture: deviation in x times deviation in y at frame 0.
double spread(const PointTracks& tracks, const Mask& mask) {
  double n = 0, x = 0, y = 0, xx = 0, yy = 0;
  for (int64_t i = 0; i < tracks.N; ++i) {
    if (!mask[static_cast<size_t>(i)]) continue;
    const Point p = tracks.at(0, i);
    n += 1;
    x += p.x;
    y += p.y;
    xx += static_cast<double>(p.x) * p.x;
    yy += static_cast<double>(p.y) * p.y;
  }
  if (n == 0) return 0;
  return std::sqrt(std::max(0.0, xx / n - x / n * x / n) * std::max(0.0, yy / n - y / n * y / n));
}

// A background shows all around the objects in front of it; an object of as many points, or some more, is compact.
double span(const PointTracks& tracks, const Mask& mask) {
  return std::sqrt(static_cast<double>(count(mask))) * spread(tracks, mask);
}

// Groups of points that share one motion, found one after the other, largest first; those far smaller than the first
// are left out.
std::vector<Mask> motion_groups(const PointTracks& tracks, double threshold_px) {
  const Mask all(static_cast<size_t>(tracks.N), 1);
  std::vector<Mask> groups = {members(agreement(tracks, all, threshold_px))};
  const auto smallest =
      std::max(static_cast<double>(kFewestBackground), kSmallestGroup * static_cast<double>(count(groups[0])));
  Mask rest = all;
  while (true) {
    for (size_t n = 0; n < rest.size(); ++n) rest[n] = rest[n] && !groups.back()[n];
    if (static_cast<double>(count(rest)) < smallest) return groups;
    const std::vector<double> agreed = agreement(tracks, rest, threshold_px);
    Mask next(all.size(), 0);
    for (size_t n = 0; n < all.size(); ++n) next[n] = rest[n] && agreed[n] > kBackgroundShare;
    if (static_cast<double>(count(next)) < smallest) return groups;
    groups.push_back(std::move(next));
  }
}

// Median over background points of how far each gets from its place at frame 0, px.
double background_travel(const PointTracks& tracks, const Mask& background) {
  std::vector<double> farthest;
  for (int64_t n = 0; n < tracks.N; ++n) {
    if (!background[static_cast<size_t>(n)] || !tracks.is_visible(0, n)) continue;
    double distance = 0;
    for (int64_t t = 1; t < tracks.F; ++t) {
      if (tracks.is_visible(t, n)) distance = std::max<double>(distance, norm(tracks.at(t, n) - tracks.at(0, n)));
    }
    farthest.push_back(distance);
  }
  return median(farthest);
}

// The background among the groups: one that stands still (no object keeps pace with a moving camera), else the one that
// spans most of the picture.
Mask find_background(const PointTracks& tracks, const std::vector<Mask>& groups, bool& ambiguous) {
  const double still_px = kStillPx * std::max(1.0, pixel_scale(tracks.frame));
  size_t best = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    const double size = static_cast<double>(count(groups[g]));
    ambiguous = ambiguous || (g > 0 && size >= kSimilarGroups * static_cast<double>(count(groups[0])));
    const bool large = size >= kSmallestStill * static_cast<double>(count(groups[0]));
    const bool around = spread(tracks, groups[g]) >= spread(tracks, groups[0]);
    if ((large || around) && background_travel(tracks, groups[g]) < still_px) return groups[g];
    if (span(tracks, groups[g]) > span(tracks, groups[best])) best = g;
  }
  return groups[best];
}

// Finds the background; where it is no plane, with a wider threshold, which is returned.
double inlier_threshold(const PointTracks& tracks, CameraMotion& camera) {
  double threshold_px = inlier_px(tracks.frame);
  for (int widening = 0;; ++widening, threshold_px *= 2) {
    const std::vector<Mask> groups = motion_groups(tracks, threshold_px);
    camera.ambiguous = false;
    camera.background = find_background(tracks, groups, camera.ambiguous);
    const double share = static_cast<double>(count(groups[0])) / static_cast<double>(tracks.N);
    if (share >= kThinGroup || widening == kWidenings) return threshold_px;
  }
}

// The reference's rule: more than 80 % of the points make steps of more than 1 px on average.
bool most_points_step(const PointTracks& tracks) {
  int64_t stepping = 0;
  for (int64_t n = 0; n < tracks.N; ++n) {
    double path = 0;
    for (int64_t t = 1; t < tracks.F; ++t) path += norm(tracks.at(t, n) - tracks.at(t - 1, n));
    if (path > kMagmaRulePx * static_cast<double>(tracks.F - 1)) ++stepping;
  }
  return static_cast<double>(stepping) > kMagmaRuleShare * static_cast<double>(tracks.N);
}

void fit_frame(const PointTracks& tracks, int64_t t, double threshold_px, CameraMotion& camera) {
  const auto index = static_cast<size_t>(t);
  const Offered offered = offered_points(tracks, t, 0, camera.background);
  const auto size = static_cast<int64_t>(offered.points.size());
  if (size >= static_cast<int64_t>(kFewestBackground)) {
    if (const std::optional<Homography> start = robust_homography(offered.pairs, threshold_px)) {
      const Homography h = refine_homography(offered.pairs, *start, tracks.frame, threshold_px);
      const int64_t inliers = count_inliers(h, offered.pairs, threshold_px);
      const double determinant = affine_determinant(h);
      camera.inlier_share[index] = static_cast<float>(inliers) / static_cast<float>(size);
      if (inliers >= std::max(kFewestInliers, (size + 1) / 2) && determinant > 0.2 && determinant < 5) {
        camera.to_first[index] = h;
        return;
      }
    }
  }
  chain_frame(tracks, t, camera);
}

// A frame with a fit of its own, or one whose chained homography most of the background it shares with frame 0 bears
// out.
bool trusted(const PointTracks& tracks, int64_t t, double threshold_px, const CameraMotion& camera) {
  const auto index = static_cast<size_t>(t);
  if (camera.status[index] == FitStatus::Fitted) return true;
  const PointPairs pairs = offered_points(tracks, t, 0, camera.background).pairs;
  const int64_t witnesses = count_inliers(camera.to_first[index], pairs, threshold_px);
  return witnesses >= kFewestWitnesses && 2 * witnesses > static_cast<int64_t>(pairs.size());
}

void summarise(const PointTracks& tracks, CameraMotion& camera) {
  std::vector<double> shares(camera.inlier_share.begin(), camera.inlier_share.end());
  camera.median_inlier_share = median(shares);
  std::vector<double> residuals;
  for (int64_t t = 1; t < tracks.F; ++t) {
    const Offered offered = offered_points(tracks, t, 0, camera.background);
    for (size_t i = 0; i < offered.points.size(); ++i) {
      residuals.push_back(
          transfer_error(camera.to_first[static_cast<size_t>(t)], offered.pairs.from[i], offered.pairs.to[i]));
    }
  }
  camera.background_residual_px = median(residuals);
  const double background_share = static_cast<double>(count(camera.background)) / static_cast<double>(tracks.N);
  camera.ambiguous = camera.ambiguous || std::min(background_share, camera.median_inlier_share) < 0.5;
}

}  // namespace

void chain_frame(const PointTracks& tracks, int64_t t, CameraMotion& camera) {
  const auto index = static_cast<size_t>(t);
  const double threshold_px = inlier_px(tracks.frame);
  const Mask all(camera.background.size(), 1);
  std::optional<Homography> step =
      robust_similarity(offered_points(tracks, t, t - 1, camera.background).pairs, threshold_px);
  if (!step) step = robust_similarity(offered_points(tracks, t, t - 1, all).pairs, threshold_px);
  camera.status[index] = step ? FitStatus::Chained : FitStatus::Copied;
  camera.to_first[index] = step ? compose(camera.to_first[index - 1], *step) : camera.to_first[index - 1];
}

CameraMotion estimate_camera(const PointTracks& tracks, const MarkConfig& config, double /*fps*/) {
  MAGMA_CHECK(tracks.F >= 1, "a clip has at least one frame");
  const auto frames = static_cast<size_t>(tracks.F);
  CameraMotion camera;
  camera.to_first.assign(frames, kIdentity);
  camera.status.assign(frames, FitStatus::Fitted);
  camera.inlier_share.assign(frames, 1);
  camera.background.assign(static_cast<size_t>(tracks.N), 1);
  if (tracks.N == 0 || tracks.F == 1) return camera;

  const double scale = pixel_scale(tracks.frame);
  const double threshold_px = inlier_threshold(tracks, camera);
  camera.moving = config.camera_rule == "magma" ? most_points_step(tracks)
                                                : background_travel(tracks, camera.background) >= kStillPx * scale;
  if (camera.moving) {
    for (int64_t t = 1; t < tracks.F; ++t) fit_frame(tracks, t, threshold_px, camera);
    int64_t untrusted = 0;
    for (int64_t t = 1; t < tracks.F; ++t) untrusted += trusted(tracks, t, threshold_px, camera) ? 0 : 1;
    camera.rejected = static_cast<double>(untrusted) > kMostUnfitted * static_cast<double>(tracks.F);
  }
  summarise(tracks, camera);
  return camera;
}

PointTracks stabilise(const PointTracks& tracks, const CameraMotion& camera) {
  PointTracks result = tracks;
  if (!camera.moving) return result;
  for (int64_t t = 0; t < tracks.F; ++t) {
    for (int64_t n = 0; n < tracks.N; ++n)
      result.at(t, n) = apply(camera.to_first[static_cast<size_t>(t)], tracks.at(t, n));
  }
  return result;
}

}  // namespace magma
