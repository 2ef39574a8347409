// Points, sizes and the frames they live in. Pixel centres are at integers: 0 .. W-1, 0 .. H-1.
#pragma once

#include <array>
#include <cmath>

namespace magma {

struct Point {
  float x = 0, y = 0;
  friend Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
  friend Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
  friend Point operator*(Point a, float s) { return {a.x * s, a.y * s}; }
  friend bool operator==(Point a, Point b) { return a.x == b.x && a.y == b.y; }
};

inline float norm(Point p) { return std::sqrt(p.x * p.x + p.y * p.y); }

struct Size {
  int w = 0, h = 0;
  friend bool operator==(Size a, Size b) { return a.w == b.w && a.h == b.h; }
};

inline bool inside(Point p, Size size, float margin = 0) {
  return p.x >= margin && p.y >= margin && p.x <= static_cast<float>(size.w - 1) - margin &&
         p.y <= static_cast<float>(size.h - 1) - margin;
}

// A point of one frame size in another: x' = (x + 0.5) * to.w / from.w - 0.5.
inline Point rescale(Point p, Size from, Size to) {
  return {(p.x + 0.5F) * static_cast<float>(to.w) / static_cast<float>(from.w) - 0.5F,
          (p.y + 0.5F) * static_cast<float>(to.h) / static_cast<float>(from.h) - 0.5F};
}

using Homography = std::array<double, 9>;  // row-major [3, 3], maps (x, y, 1), last entry 1
inline constexpr Homography kIdentity = {1, 0, 0, 0, 1, 0, 0, 0, 1};

inline Point apply(const Homography& h, Point p) {
  const double w = h[6] * p.x + h[7] * p.y + h[8];
  return {static_cast<float>((h[0] * p.x + h[1] * p.y + h[2]) / w),
          static_cast<float>((h[3] * p.x + h[4] * p.y + h[5]) / w)};
}

}  // namespace magma
