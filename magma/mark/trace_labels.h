// Traces as labels: cells on the answer grid. Source: som_tom.md 1.2 (per positive mark) and 1.6 step 8.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/core/geometry.h"
#include "magma/mark/clip_marks.h"

namespace magma {

// Nearest cell, halves up, kept on the grid.
Cell rounded_cell(Point p, Size frame, int64_t quant);

// Positions of one point in all frames; hidden stretches on straight lines between seen ones, held at the ends. [F]
std::vector<Point> visible_path(const PointTracks& tracks, int64_t point);

// The reference's thinning: the first point, then each at least `distance` from the last one kept.
std::vector<Point> thin_path(const std::vector<Point>& path, double distance);

// One trace for every moving mark, all with the same number of steps, evenly spaced over the clip.
std::vector<Trace> make_traces(const PointTracks& stabilised, const std::vector<Mark>& marks, const MarkConfig& config);

}  // namespace magma
