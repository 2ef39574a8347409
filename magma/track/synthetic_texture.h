// Textures of synthetic scenes: coloured noise of several octaves with discs, lines and digits on it. For
// synthetic.cpp alone.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/core/geometry.h"
#include "magma/core/random.h"

namespace magma {

struct Shape {
  enum class Kind { Everything, Ellipse, Rectangle };
  Kind kind = Kind::Everything;
  double half_w = 0, half_h = 0;  // px of the texture

  // (x, y) from the shape's centre, px.
  bool contains(double x, double y) const;
  double coverage(double x, double y) const;  // 0..1: alpha, 0.5 on the edge
};

struct Texture {
  Size size;
  Shape shape;                // centred on the texture
  std::vector<uint8_t> rgba;  // [h, w, 4]; alpha is the shape's coverage
};

Texture make_background(Rng& rng, int side);
Texture make_patch(Rng& rng, Shape shape);  // just large enough for `shape`

}  // namespace magma
