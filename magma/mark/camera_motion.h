// Camera motion: one homography per frame, fitted on what is judged to be background. Source: som_tom.md 1.6, 2 and 3.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/mark/mark_config.h"
#include "magma/track/tracks.h"

namespace magma {

enum class FitStatus : uint8_t { Fitted = 0, Chained = 1, Copied = 2 };

struct CameraMotion {
  bool moving = false;               // else every homography is the identity
  bool rejected = false;             // too many frames without a fit that can be trusted
  std::vector<Homography> to_first;  // [F] frame t -> the marked frame (0 in the default), tracking px
  std::vector<FitStatus> status;     // [F]
  std::vector<uint8_t> background;   // [N]
  std::vector<float> inlier_share;   // [F] of the points offered
  double median_inlier_share = 1;
  double background_residual_px = 0;  // median |H_t x(t) - x(0)| over background points and frames
  bool ambiguous = false;             // inlier share < 0.5, or two motion groups of similar size
};

// Always F rows. fps scales thresholds. Deterministic: no global generator.
CameraMotion estimate_camera(const PointTracks& tracks, const MarkConfig& config, double fps);

// A frame without a homography of its own: that of t-1 after a similarity t -> t-1, of the background where it is seen,
// else of everything (Chained), else that of t-1 (Copied).
void chain_frame(const PointTracks& tracks, int64_t t, CameraMotion& camera);

// H_t x(t): positions in frame 0's view; visibility and confidence unchanged.
PointTracks stabilise(const PointTracks& tracks, const CameraMotion& camera);

}  // namespace magma
