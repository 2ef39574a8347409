// Painting whole pixels: boxes, triangles, discs and text with hard edges, by whole numbers alone, so that a picture is
// the same to the bit on every machine. Everything is clipped to the image. Soft edges: draw.h.
#pragma once

#include <array>
#include <string_view>

#include "magma/image/image.h"

namespace magma {

struct Pixel {
  int x = 0, y = 0;
  friend bool operator==(Pixel a, Pixel b) { return a.x == b.x && a.y == b.y; }
};

// Pixels left .. right - 1 of the rows top .. bottom - 1.
struct PixelBox {
  int left = 0, top = 0, right = 0, bottom = 0;
  int w() const { return right - left; }
  int h() const { return bottom - top; }
  Pixel centre() const { return {(left + right) / 2, (top + bottom) / 2}; }
  bool contains(Pixel p) const { return p.x >= left && p.x < right && p.y >= top && p.y < bottom; }
  friend bool operator==(const PixelBox& a, const PixelBox& b) = default;
};
inline bool overlap(const PixelBox& a, const PixelBox& b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

void paint_box(Image& image, const PixelBox& box, Rgb colour);
void paint_frame(Image& image, const PixelBox& box, int width_px, Rgb colour);  // inside the box
void paint_disc(Image& image, Pixel centre, int radius_px, Rgb colour);
void paint_triangle(Image& image, const std::array<Pixel, 3>& corners, Rgb colour);  // with its edges

// Text in the face of letters.h, `dot_px` a dot; a character that it does not have is a bug.
Size measure_text(std::string_view text, int dot_px);  // of the capitals, without what is below the baseline
void paint_text(Image& image, std::string_view text, Pixel top_left, int dot_px, Rgb colour);

}  // namespace magma
