#include "magma/track/classical_pyramid.h"

#include <algorithm>

namespace magma {

namespace {

constexpr int kMinSide = 8;  // px

// The binomial 1 4 6 4 1 down the columns of rows 2 y - 2 .. 2 y + 2, starting 4 px left of the image.
MAGMA_INLINE void filter_rows(const FloatPlane& from, int y, float* sums, int count) {
  const float* rows[5];
  for (int k = 0; k < 5; ++k) rows[k] = from.row(2 * y + k - 2) - 4;
  for (int x = 0; x < count; x += 4) {
    const Float4 outer = load<Float4>(rows[0] + x) + load<Float4>(rows[4] + x);
    const Float4 inner = load<Float4>(rows[1] + x) + load<Float4>(rows[3] + x);
    store(sums + x, outer + inner * 4.0F + load<Float4>(rows[2] + x) * 6.0F);
  }
}

MAGMA_CPU_CLONES void halve_pixels(const FloatPlane& from, FloatPlane& to) {
  std::vector<float> sums(static_cast<size_t>(from.size().w + 8 + 3) / 4 * 4);
  const int w = to.size().w;
  for (int y = 0; y < to.size().h; ++y) {
    filter_rows(from, y, sums.data(), static_cast<int>(sums.size()));
    float* out = to.row(y);
    const float* in = sums.data() + 4;
    for (int x = 0; x < w; ++x, in += 2) {
      out[x] = ((in[-2] + in[2]) + (in[-1] + in[1]) * 4.0F + in[0] * 6.0F) * (1.0F / 256);
    }
  }
}

void halve(const FloatPlane& from, FloatPlane& to) {
  to.resize({(from.size().w + 1) / 2, (from.size().h + 1) / 2});
  halve_pixels(from, to);
  to.fill_border();
}

MAGMA_CPU_CLONES void widen_row(const uint8_t* in, int count, float* out) {
  for (int x = 0; x < count; ++x) out[x] = in[x];
}

}  // namespace

void FloatPlane::resize(Size size) {
  size_ = size;
  stride_ = (size.w + 2 * kBorder + 3) / 4 * 4;
  pixels_.resize(static_cast<size_t>(stride_) * static_cast<size_t>(size.h + 2 * kBorder));
}

void FloatPlane::fill_border() {
  for (int y = 0; y < size_.h; ++y) {
    float* line = row(y);
    std::fill(line - kBorder, line, line[0]);
    std::fill(line + size_.w, line - kBorder + stride_, line[size_.w - 1]);
  }
  for (int y = 1; y <= kBorder; ++y) {
    std::copy_n(row(0) - kBorder, stride_, row(-y) - kBorder);
    std::copy_n(row(size_.h - 1) - kBorder, stride_, row(size_.h - 1 + y) - kBorder);
  }
}

void FloatPyramid::build(const GreyImage& luma, int max_levels) {
  planes_.resize(static_cast<size_t>(max_levels));
  FloatPlane& base = planes_[0];
  base.resize(luma.size);
  for (int y = 0; y < luma.size.h; ++y) widen_row(luma.row(y), luma.size.w, base.row(y));
  base.fill_border();
  levels_ = 1;
  while (levels_ < max_levels) {
    const Size below = level(levels_ - 1).size();
    if (std::min(below.w, below.h) < 2 * kMinSide) return;
    halve(planes_[static_cast<size_t>(levels_ - 1)], planes_[static_cast<size_t>(levels_)]);
    ++levels_;
  }
}

}  // namespace magma
