// Finding a lost point again: normalised cross-correlation at half size. Source: som_tom.md 3.1, step 7.
#pragma once

#include <optional>

#include "magma/track/classical_pyramid.h"

namespace magma {

inline constexpr int kSearchSide = 8;  // px of the half-size image

struct SearchTemplate {
  alignas(32) float value[kSearchSide * kSearchSide];  // mean removed
  float deviation = 0;

  void take(const FloatPlane& half, Point centre);  // centre in px of `half`
};

// The best match within `radius` of `start`, both in px of `half`, good to half a px. nullopt when nothing matches or
// when two places match alike.
std::optional<Point> search(const FloatPlane& half, const SearchTemplate& target, Point start, int radius);

}  // namespace magma
