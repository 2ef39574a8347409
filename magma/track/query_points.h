// Where points start. The grid's margin is width/64 on both axes (som_tom.md 2.9), row-major, y outer.
#pragma once

#include <vector>

#include "magma/core/file.h"
#include "magma/track/tracker.h"

namespace magma {

std::vector<Query> grid_queries(Size frame, int side, int64_t query_frame = 0);

// JSON lines {"frame": 0, "x": 12.5, "y": 40} in pixels of `source`; rescaled to `frame`. Points outside: Malformed.
std::vector<Query> read_queries(const Path& path, Size source, Size frame);

}  // namespace magma
