#include "magma/track/classical_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace magma {

namespace {

constexpr int kCells = kSearchSide * kSearchSide;
static_assert(kSearchSide == 8);
constexpr int kMaxRadius = 16;
constexpr float kMinPeak = 0.7F;
constexpr float kMaxSecond = 0.9F;  // of the peak
constexpr int kPeakRadius = 2;      // px; matches this near the peak belong to it

// Correlation of the patch whose top left pixel is `from`.
MAGMA_INLINE float match(const float* from, int stride, const SearchTemplate& target) {
  Float8 total = {}, square = {}, product = {};
  for (int r = 0; r < kSearchSide; ++r, from += stride) {
    const Float8 v = load<Float8>(from);
    total += v;
    square += v * v;
    product += v * load<Float8>(target.value + r * kSearchSide);
  }
  const float mean = sum(total) / kCells;
  const float variance = sum(square) / kCells - mean * mean;
  return variance > 1 ? sum(product) / (kCells * std::sqrt(variance) * target.deviation) : 0.0F;
}

// [side, side] correlations with the patches whose top left pixels are (x0, y0) and on; -1 outside the image.
MAGMA_CPU_CLONES void match_all(const FloatPlane& half, const SearchTemplate& target, int x0, int y0, int side,
                                float* score) {
  for (int y = y0; y < y0 + side; ++y) {
    for (int x = x0; x < x0 + side; ++x) {
      const bool fits = x >= -4 && y >= -4 && x <= half.size().w - 4 && y <= half.size().h - 4;
      *score++ = fits ? match(half.row(y) + x, half.stride(), target) : -1.0F;
    }
  }
}

}  // namespace

MAGMA_CPU_CLONES void SearchTemplate::take(const FloatPlane& half, Point centre) {
  half.sample<kSearchSide>(centre, value);
  deviation = take_out_mean<kCells>(value);
}

std::optional<Point> search(const FloatPlane& half, const SearchTemplate& target, Point start, int radius) {
  constexpr float kToCorner = (kSearchSide - 1) / 2.0F;
  const int reach = std::min(radius, kMaxRadius), side = 2 * reach + 1;
  const int x0 = static_cast<int>(std::lround(start.x - kToCorner)) - reach;
  const int y0 = static_cast<int>(std::lround(start.y - kToCorner)) - reach;
  std::array<float, (2 * kMaxRadius + 1) * (2 * kMaxRadius + 1)> score = {};
  match_all(half, target, x0, y0, side, score.data());
  const auto best = static_cast<int>(std::max_element(score.begin(), score.begin() + side * side) - score.begin());
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
