// FloatPyramid: luma at halving sizes as floats with a border, so that patches are sampled without bounds checks.
#pragma once

#include <cmath>
#include <vector>

#include "magma/image/image.h"

namespace magma {

// Four floats that the compiler keeps in one register; arithmetic is per lane, so results are the same everywhere.
using Float4 = float __attribute__((vector_size(16)));

inline Float4 load4(const float* from) {
  Float4 value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
inline void store4(float* to, Float4 value) { __builtin_memcpy(to, &value, sizeof value); }
inline float sum4(Float4 value) { return (value[0] + value[1]) + (value[2] + value[3]); }

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
void FloatPlane::sample(Point centre, float* out) const {
  static_assert(kSide % 4 == 0);
  constexpr float kHalf = static_cast<float>(kSide - 1) / 2;
  const float x = centre.x - kHalf + kBorder, y = centre.y - kHalf + kBorder;  // positive: truncation is floor
  const int x0 = static_cast<int>(x), y0 = static_cast<int>(y);
  const float fx = x - static_cast<float>(x0), fy = y - static_cast<float>(y0);
  const float* from = pixels_.data() + static_cast<size_t>(y0) * static_cast<size_t>(stride_) + x0;
  Float4 above[kSide / 4];
  for (int k = 0; k < kSide / 4; ++k) above[k] = load4(from + 4 * k) * (1 - fx) + load4(from + 4 * k + 1) * fx;
  for (int r = 0; r < kSide; ++r) {
    from += stride_;
    for (int k = 0; k < kSide / 4; ++k) {
      const Float4 below = load4(from + 4 * k) * (1 - fx) + load4(from + 4 * k + 1) * fx;
      store4(out + r * kSide + 4 * k, above[k] * (1 - fy) + below * fy);
      above[k] = below;
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

// Takes the mean out of `value` [count]; returns the standard deviation. `count` is a multiple of 4.
template <int count>
float take_out_mean(float* value) {
  Float4 sum = {}, square = {};
  for (int i = 0; i < count; i += 4) sum += load4(value + i);
  const float mean = sum4(sum) / count;
  for (int i = 0; i < count; i += 4) {
    const Float4 v = load4(value + i) - mean;
    store4(value + i, v);
    square += v * v;
  }
  return std::sqrt(sum4(square) / count);
}

}  // namespace magma
