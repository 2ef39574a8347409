// FloatPyramid: luma at halving sizes as floats with a border, so that patches are sampled without bounds checks.
#pragma once

#include <cmath>
#include <vector>

#include "magma/core/simd.h"
#include "magma/image/image.h"

namespace magma {

class FloatPlane {
 public:
  static constexpr int kBorder = 32;  // px on every side, edge pixels repeated

  void resize(Size size);
  Size size() const { return size_; }
  int stride() const { return stride_; }
  float* row(int y) { return pixels_.data() + offset(y); }  // at x = 0
  const float* row(int y) const { return pixels_.data() + offset(y); }
  void fill_border();

  // A patch of side `kSide` around `centre` fits, border included.
  template <int kSide>
  bool holds(Point centre) const {
    const float reach = static_cast<float>(kBorder) - static_cast<float>(kSide) / 2 - 2;
    return inside(centre, size_, -reach);
  }

  // Bilinear samples at centre + (-(kSide-1)/2 .. (kSide-1)/2) into out [kSide, kSide]; kSide a multiple of 4.
  template <int kSide>
  void sample(Point centre, float* out) const;

 private:
  size_t offset(int y) const {
    return static_cast<size_t>(y + kBorder) * static_cast<size_t>(stride_) + static_cast<size_t>(kBorder);
  }

  Size size_;
  int stride_ = 0;
  std::vector<float> pixels_;
};

template <int kSide>
MAGMA_INLINE void FloatPlane::sample(Point centre, float* out) const {
  static_assert(kSide % 4 == 0);
  constexpr float kHalf = static_cast<float>(kSide - 1) / 2;
  constexpr int kWide = kSide / 8 * 8;                                         // columns in eights; 4 may be left
  const float x = centre.x - kHalf + kBorder, y = centre.y - kHalf + kBorder;  // positive: truncation is floor
  const int x0 = static_cast<int>(x), y0 = static_cast<int>(y);
  const float fx = x - static_cast<float>(x0), fy = y - static_cast<float>(y0);
  const float* from = pixels_.data() + static_cast<size_t>(y0) * static_cast<size_t>(stride_) + x0;
  Float8 above[kSide / 8 + 1];
  Float4 above_rest = {};
  for (int k = 0; k < kWide; k += 8) above[k / 8] = load<Float8>(from + k) * (1 - fx) + load<Float8>(from + k + 1) * fx;
  if (kWide < kSide) above_rest = load<Float4>(from + kWide) * (1 - fx) + load<Float4>(from + kWide + 1) * fx;
  for (int r = 0; r < kSide; ++r, out += kSide) {
    from += stride_;
    for (int k = 0; k < kWide; k += 8) {
      const Float8 below = load<Float8>(from + k) * (1 - fx) + load<Float8>(from + k + 1) * fx;
      store(out + k, above[k / 8] * (1 - fy) + below * fy);
      above[k / 8] = below;
    }
    if (kWide < kSide) {
      const Float4 below = load<Float4>(from + kWide) * (1 - fx) + load<Float4>(from + kWide + 1) * fx;
      store(out + kWide, above_rest * (1 - fy) + below * fy);
      above_rest = below;
    }
  }
}

class FloatPyramid {
 public:
  // Each level halves the one below it (5-tap binomial) while both sides stay >= 8 px; at most `max_levels`.
  void build(const GreyImage& luma, int max_levels);
  int levels() const { return levels_; }
  const FloatPlane& level(int index) const { return planes_[static_cast<size_t>(index)]; }

 private:
  std::vector<FloatPlane> planes_;
  int levels_ = 0;
};

// Takes the mean out of `value` [count]; returns the standard deviation. `count` is a multiple of 8.
template <int count>
MAGMA_INLINE float take_out_mean(float* value) {
  static_assert(count % 8 == 0);
  Float8 total = {}, square = {};
  for (int i = 0; i < count; i += 8) total += load<Float8>(value + i);
  const float mean = sum(total) / count;
  for (int i = 0; i < count; i += 8) {
    const Float8 v = load<Float8>(value + i) - mean;
    store(value + i, v);
    square += v * v;
  }
  return std::sqrt(sum(square) / count);
}

}  // namespace magma
