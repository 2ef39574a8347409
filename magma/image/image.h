// Image: 8-bit RGB, [H, W, 3]; GreyImage: 8-bit, [H, W]. Both own tightly packed pixels.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/core/geometry.h"

namespace magma {

struct Rgb {
  uint8_t r = 0, g = 0, b = 0;
  bool operator==(const Rgb&) const = default;
};

struct Image {
  Size size;
  std::vector<uint8_t> pixels;  // [H, W, 3]

  Image() = default;
  explicit Image(Size size_px, Rgb fill = {});
  uint8_t* row(int y) { return pixels.data() + static_cast<size_t>(y) * static_cast<size_t>(size.w) * 3; }
  const uint8_t* row(int y) const { return pixels.data() + static_cast<size_t>(y) * static_cast<size_t>(size.w) * 3; }
  Rgb at(int x, int y) const {
    const uint8_t* p = row(y) + static_cast<size_t>(x) * 3;
    return {p[0], p[1], p[2]};
  }
};

struct GreyImage {
  Size size;
  std::vector<uint8_t> pixels;  // [H, W]

  GreyImage() = default;
  explicit GreyImage(Size size_px, uint8_t fill = 0)
      : size(size_px), pixels(static_cast<size_t>(size_px.w) * static_cast<size_t>(size_px.h), fill) {}
  uint8_t* row(int y) { return pixels.data() + static_cast<size_t>(y) * static_cast<size_t>(size.w); }
  const uint8_t* row(int y) const { return pixels.data() + static_cast<size_t>(y) * static_cast<size_t>(size.w); }
};

}  // namespace magma
