// Which pixels a shape touches and by how much: anti-aliased, sub-pixel, clipped. What is painted there is the
// caller's.
#pragma once

#include <algorithm>
#include <cmath>

#include "magma/core/geometry.h"

namespace magma {

// Pixels begin .. end - 1 of [0, size) within [low, high]; whatever the values, no overflow.
struct PixelRange {
  int begin, end;
  PixelRange(float low, float high, int size)
      : begin(static_cast<int>(std::clamp(std::ceil(low), 0.0F, static_cast<float>(size)))),
        end(static_cast<int>(std::clamp(std::floor(high) + 1, 0.0F, static_cast<float>(size)))) {}
};

inline bool is_finite(Point p) { return std::isfinite(p.x) && std::isfinite(p.y); }

// paint(x, y, coverage in (0, 1]) for every touched pixel, row by row. A shape that is not finite touches none.
template <typename Paint>
void cover_disc(Size size, Point centre, float radius_px, Paint&& paint) {
  if (!is_finite(centre) || !std::isfinite(radius_px)) return;
  const float reach = radius_px + 0.5F;
  const PixelRange rows(centre.y - reach, centre.y + reach, size.h);
  const PixelRange columns(centre.x - reach, centre.x + reach, size.w);
  for (int y = rows.begin; y < rows.end; ++y) {
    for (int x = columns.begin; x < columns.end; ++x) {
      const float distance = norm(Point{static_cast<float>(x), static_cast<float>(y)} - centre);
      const float coverage = std::min(1.0F, reach - distance);
      if (coverage > 0) paint(x, y, coverage);
    }
  }
}

// A circle drawn with a pen of width_px, centred on the radius.
template <typename Paint>
void cover_ring(Size size, Point centre, float radius_px, float width_px, Paint&& paint) {
  if (!std::isfinite(width_px)) return;
  const float half = 0.5F * (width_px + 1);
  cover_disc(size, centre, radius_px + 0.5F * width_px, [&](int x, int y, float) {
    const float distance = norm(Point{static_cast<float>(x), static_cast<float>(y)} - centre);
    const float coverage = std::min(1.0F, half - std::abs(distance - radius_px));
    if (coverage > 0) paint(x, y, coverage);
  });
}

// A segment with round ends.
template <typename Paint>
void cover_line(Size size, Point from, Point to, float width_px, Paint&& paint) {
  if (!is_finite(from) || !is_finite(to) || !std::isfinite(width_px)) return;
  const float reach = 0.5F * (width_px + 1);
  const Point along = to - from;
  const float length = norm(along);
  const Point unit = length > 0 ? along * (1 / length) : Point{1, 0};
  const PixelRange rows(std::min(from.y, to.y) - reach, std::max(from.y, to.y) + reach, size.h);
  for (int y = rows.begin; y < rows.end; ++y) {
    const float dy = static_cast<float>(y) - from.y;
    float low = std::min(from.x, to.x) - reach, high = std::max(from.x, to.x) + reach;
    if (std::abs(unit.y) > 1e-3F) {  // of a slanted line only the strip around it
      const float middle = from.x + dy * unit.x / unit.y, spread = reach / std::abs(unit.y);
      low = std::max(low, middle - spread);
      high = std::min(high, middle + spread);
    }
    const PixelRange columns(low, high, size.w);
    for (int x = columns.begin; x < columns.end; ++x) {
      const Point offset{static_cast<float>(x) - from.x, dy};
      const float position = std::clamp(offset.x * unit.x + offset.y * unit.y, 0.0F, length);
      const float coverage = std::min(1.0F, reach - norm(offset - unit * position));
      if (coverage > 0) paint(x, y, coverage);
    }
  }
}

}  // namespace magma
