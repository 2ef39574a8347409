// TAP-Vid metrics, exactly as som_tom.md 3.4 defines them.
#pragma once

#include <optional>
#include <span>

#include "magma/track/tracks.h"

namespace magma {

struct TrackScore {
  double average_jaccard = 0, delta = 0, occlusion_accuracy = 0;  // percent
  double delta_occluded = 0, survival = 0;                        // percent
  double delta_1px = 0;
  double median_error_px = 0;                                     // native pixels, visible points
};

// Query-first: frames after frame 0 count. Both in the same frame size; points with scored[n] == 0 are left out.
// nullopt when nothing can be scored.
std::optional<TrackScore> score_tracks(const PointTracks& truth, const PointTracks& predicted,
                                       std::span<const uint8_t> scored);

}  // namespace magma
