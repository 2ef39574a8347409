// From moving and static points to the marks of a clip: clusters, the best point of each, spacing, numbers.
// Source: som_tom.md 1.6 steps 6, 7 and 9.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/core/random.h"
#include "magma/mark/clip_marks.h"

namespace magma {

// Clusters `points` (indices) by place and stabilised motion; returns the cluster of each, 0 .. k-1.
std::vector<int> cluster_points(const PointTracks& stabilised, const std::vector<int64_t>& points, int k, Rng& rng);

// Fills clusters, marks (numbered, ascending), and the counts of `result`, whose split and tracks are set. Moving
// points are marked where at least two are worth it.
void select_marks(const ClipInput& clip, const MarkConfig& config, ClipMarks& result);

double visible_share(const PointTracks& tracks, int64_t point);

}  // namespace magma
