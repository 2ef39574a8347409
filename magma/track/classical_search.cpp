#include "magma/track/classical_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace magma {

namespace {

constexpr int kCells = kSearchSide * kSearchSide;
constexpr int kMaxRadius = 16;
constexpr float kMinPeak = 0.7F;
constexpr float kMaxSecond = 0.9F;  // of the peak
constexpr int kPeakRadius = 2;      // px; matches this near the peak belong to it

// Correlation of the patch whose top left pixel is `from`.
float match(const float* from, int stride, const SearchTemplate& target) {
  Float4 sum = {}, square = {}, product = {};
  for (int r = 0; r < kSearchSide; ++r, from += stride) {
    for (int k = 0; k < kSearchSide; k += 4) {
      const Float4 v = load4(from + k);
      sum += v;
      square += v * v;
      product += v * load4(target.value + r * kSearchSide + k);
    }
  }
  const float mean = sum4(sum) / kCells;
  const float variance = sum4(square) / kCells - mean * mean;
  return variance > 1 ? sum4(product) / (kCells * std::sqrt(variance) * target.deviation) : 0.0F;
}

}  // namespace

void SearchTemplate::take(const FloatPlane& half, Point centre) {
  half.sample<kSearchSide>(centre, value);
  deviation = take_out_mean<kCells>(value);
}

std::optional<Point> search(const FloatPlane& half, const SearchTemplate& target, Point start, int radius) {
  constexpr float kToCorner = (kSearchSide - 1) / 2.0F;
  const int reach = std::min(radius, kMaxRadius), side = 2 * reach + 1;
  const int x0 = static_cast<int>(std::lround(start.x - kToCorner)) - reach;
  const int y0 = static_cast<int>(std::lround(start.y - kToCorner)) - reach;
  std::array<float, (2 * kMaxRadius + 1) * (2 * kMaxRadius + 1)> score = {};
  int best = 0;
  for (int i = 0; i < side * side; ++i) {
    const int x = x0 + i % side, y = y0 + i / side;
    const bool fits = x >= -4 && y >= -4 && x <= half.size().w - 4 && y <= half.size().h - 4;
    score[static_cast<size_t>(i)] = fits ? match(half.row(y) + x, half.stride(), target) : -1.0F;
    if (score[static_cast<size_t>(i)] > score[static_cast<size_t>(best)]) best = i;
  }
  const float peak = score[static_cast<size_t>(best)];
  if (peak < kMinPeak) return std::nullopt;
  for (int i = 0; i < side * side; ++i) {
    const bool near =
        std::abs(i % side - best % side) <= kPeakRadius && std::abs(i / side - best / side) <= kPeakRadius;
    if (!near && score[static_cast<size_t>(i)] > kMaxSecond * peak) return std::nullopt;
  }
  return Point{static_cast<float>(x0 + best % side) + kToCorner, static_cast<float>(y0 + best / side) + kToCorner};
}

}  // namespace magma
