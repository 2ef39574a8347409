// TAP-Vid metrics, exactly as som_tom.md 3.4 defines them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "magma/track/tracks.h"

namespace magma {

struct TrackScore {
  double average_jaccard = 0, delta = 0, occlusion_accuracy = 0;  // percent
  double delta_1px = 0;                                           // percent, the 1 px member of delta
  std::optional<double> delta_occluded;                           // percent; absent when no point is ever hidden
  double survival = 0;         // percent of the frames before a visible point is first more than 50 px (of 256) off
  double median_error_px = 0;  // native pixels, points visible in truth
};

// Query-first: frames after frame 0 count. Both in the same frame size; points with scored[n] == 0 are left out.
// nullopt when nothing can be scored: one frame, no scored point, or none of them visible after frame 0.
std::optional<TrackScore> score_tracks(const PointTracks& truth, const PointTracks& predicted,
                                       std::span<const uint8_t> scored);

}  // namespace magma
