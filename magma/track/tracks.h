// PointTracks: where N points are in each of F frames, and whether they can be seen. Plain floats.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/core/geometry.h"

namespace magma {

struct PointTracks {
  int64_t F = 0, N = 0;
  Size frame;                     // size that xy is in, px
  std::vector<Point> xy;          // [F, N] px
  std::vector<uint8_t> visible;   // [F, N] 0 or 1
  std::vector<float> confidence;  // [F, N] 0..1; 0 where lost

  Point& at(int64_t f, int64_t n) { return xy[static_cast<size_t>(f * N + n)]; }
  Point at(int64_t f, int64_t n) const { return xy[static_cast<size_t>(f * N + n)]; }
  bool is_visible(int64_t f, int64_t n) const { return visible[static_cast<size_t>(f * N + n)] != 0; }
};

}  // namespace magma
