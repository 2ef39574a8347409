#include "magma/image/paint.h"

#include <algorithm>
#include <cstdint>

#include "magma/core/check.h"
#include "magma/image/letters.h"

namespace magma {
namespace {

PixelBox clipped(const PixelBox& box, Size size) {
  return {std::max(box.left, 0), std::max(box.top, 0), std::min(box.right, size.w), std::min(box.bottom, size.h)};
}

// Paints the pixels of `box` that `inside` says.
template <typename Inside>
void paint_where(Image& image, const PixelBox& box, Rgb colour, const Inside& inside) {
  const PixelBox seen = clipped(box, image.size);
  for (int y = seen.top; y < seen.bottom; ++y) {
    uint8_t* pixel = image.row(y) + static_cast<ptrdiff_t>(seen.left) * 3;
    for (int x = seen.left; x < seen.right; ++x, pixel += 3) {
      if (!inside(x, y)) continue;
      pixel[0] = colour.r;
      pixel[1] = colour.g;
      pixel[2] = colour.b;
    }
  }
}

// Twice the area of the triangle, by the order of its corners above or below zero.
int64_t turn(Pixel a, Pixel b, Pixel c) {
  return int64_t{b.x - a.x} * int64_t{c.y - a.y} - int64_t{b.y - a.y} * int64_t{c.x - a.x};
}

}  // namespace

void paint_box(Image& image, const PixelBox& box, Rgb colour) {
  paint_where(image, box, colour, [](int, int) { return true; });
}

void paint_frame(Image& image, const PixelBox& box, int width_px, Rgb colour) {
  const PixelBox hole{box.left + width_px, box.top + width_px, box.right - width_px, box.bottom - width_px};
  paint_where(image, box, colour, [&](int x, int y) { return !hole.contains({x, y}); });
}

void paint_disc(Image& image, Pixel centre, int radius_px, Rgb colour) {
  const int64_t reach = int64_t{radius_px} * radius_px + radius_px;  // (r + 1/2)^2, less what no whole number meets
  const PixelBox box{centre.x - radius_px, centre.y - radius_px, centre.x + radius_px + 1, centre.y + radius_px + 1};
  paint_where(image, box, colour, [&](int x, int y) {
    const int64_t dx = x - centre.x, dy = y - centre.y;
    return dx * dx + dy * dy <= reach;
  });
}

void paint_triangle(Image& image, const std::array<Pixel, 3>& corners, Rgb colour) {
  const Pixel a = corners[0], b = corners[1], c = corners[2];
  const PixelBox box{std::min({a.x, b.x, c.x}), std::min({a.y, b.y, c.y}), std::max({a.x, b.x, c.x}) + 1,
                     std::max({a.y, b.y, c.y}) + 1};
  paint_where(image, box, colour, [&](int x, int y) {
    const Pixel p{x, y};
    const int64_t ab = turn(a, b, p), bc = turn(b, c, p), ca = turn(c, a, p);
    return (ab >= 0 && bc >= 0 && ca >= 0) || (ab <= 0 && bc <= 0 && ca <= 0);
  });
}

Size measure_text(std::string_view text, int dot_px) {
  const auto characters = static_cast<int>(text.size());
  return {std::max(0, characters * kGlyphAdvance - 1) * dot_px, kGlyphCapital * dot_px};
}

void paint_text(Image& image, std::string_view text, Pixel top_left, int dot_px, Rgb colour) {
  for (const char character : text) {
    const Glyph* glyph = find_glyph(character);
    MAGMA_CHECK(glyph != nullptr, "'{}' is no letter of the face", character);
    const PixelBox box{top_left.x, top_left.y, top_left.x + kGlyphWidth * dot_px, top_left.y + kGlyphHeight * dot_px};
    paint_where(image, box, colour, [&](int x, int y) {
      const auto row = static_cast<size_t>((y - top_left.y) / dot_px);
      return ((*glyph)[row] >> (kGlyphWidth - 1 - (x - top_left.x) / dot_px) & 1) != 0;
    });
    top_left.x += kGlyphAdvance * dot_px;
  }
}

}  // namespace magma
