// What a point looks like, and whether it still looks like that. Source: som_tom.md 3.1, steps 4 and 7.
#pragma once

#include <array>

#include "magma/image/planes.h"
#include "magma/track/classical_pyramid.h"

namespace magma {

inline constexpr int kPatchSide = 16;  // px
using Colour = std::array<float, 3>;   // red, green, blue, 0..255

// A patch with its mean taken out.
struct Patch {
  alignas(32) float value[kPatchSide * kPatchSide];
  float deviation = 0;  // grey levels

  void take(const FloatPlane& plane, Point centre);
};

float correlation(const Patch& a, const Patch& b);      // normalised, -1..1; 0 when either is flat
float mean_difference(const Patch& a, const Patch& b);  // mean absolute, grey levels

// Mean over 9x9 px of luma and the matching chroma.
Colour mean_colour(const Planes& frame, Point centre);
float colour_distance(const Colour& a, const Colour& b);  // largest channel difference

// Standard deviation of the sensor noise, grey levels: median |4-neighbour Laplacian| / 0.6745 / sqrt(20).
float estimate_noise(const GreyImage& luma);

}  // namespace magma
