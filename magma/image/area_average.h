// Area averaging of one plane by any ratio: each output pixel is the mean of the input area that it covers.
// Fixed point, so the same on every machine; for ratios that are not whole numbers it is several times faster than
// OpenCV's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "magma/core/geometry.h"

namespace magma {

// `to` is at most `from` in both sides. `out` is tightly packed. Within 1 of the exact mean.
void average_areas(const uint8_t* pixels, size_t stride, Size from, Size to, uint8_t* out);

}  // namespace magma
