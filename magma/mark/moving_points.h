// Which points move of themselves: som_tom.md 1.6 steps 1, 4 and 5, hardened against residual jitter.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/mark/camera_motion.h"
#include "magma/mark/mark_config.h"
#include "magma/track/tracks.h"

namespace magma {

enum class PointKind : uint8_t { Static = 0, Moving = 1, Unknown = 2 };

// What a point is worth as a mark. Doubtful ones are marked only where no better ones move.
enum class MarkWorth : uint8_t { None, Doubtful, Good };

// Points whose evidence lies between these stay unmarked: a wrong label costs more than a missing mark.
inline constexpr float kClearlyStatic = 0.8F;
inline constexpr float kClearlyMoving = 1.2F;

struct PointSplit {
  std::vector<PointKind> kind;        // [N]
  std::vector<float> speed;           // [N] px of the tracking frame per frame, after stabilisation; 0 when unknown
  std::vector<float> evidence;        // [N] how far beyond the clip's own residual noise; >= 1 counts as moving
  double noise_px = 0;                // residual noise of the static points, px
  double threshold_px = 0;            // the speed of evidence 1
  std::vector<MarkWorth> worth = {};  // [N]
};

struct ClipInput;

// `stabilised` are the clip's tracks after camera removal.
PointSplit split_points(const ClipInput& clip, const PointTracks& stabilised, const CameraMotion& camera,
                        const MarkConfig& config);

}  // namespace magma
