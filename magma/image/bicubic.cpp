#include "magma/image/bicubic.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "magma/core/check.h"

namespace magma {
namespace {

constexpr int kFractionBits = 22;  // of a weight: eight bits of a pixel and two of overshoot stay free

// Keys' kernel with a = -0.5.
double kernel(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

struct Taps {
  int first = 0;
  std::vector<int> weights;
};

// What each of `to` pixels takes of `from`.
std::vector<Taps> make_taps(int from, int to) {
  const double scale = static_cast<double>(from) / to;
  const double widened = std::max(scale, 1.0);
  const double support = 2 * widened;
  std::vector<Taps> all(static_cast<size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - support + 0.5));
    const int end = std::min(from, static_cast<int>(centre + support + 0.5));
    std::vector<double> weights;
    double sum = 0;
    for (int x = first; x < end; ++x) {
      weights.push_back(kernel((x - centre + 0.5) * (1.0 / widened)));
      sum += weights.back();
    }
    Taps& taps = all[static_cast<size_t>(i)];
    taps.first = first;
    for (const double weight : weights) {
      const double fixed = (sum == 0 ? weight : weight / sum) * (1 << kFractionBits);
      taps.weights.push_back(static_cast<int>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return all;
}

// One channel of one pixel: taps over values `stride` bytes apart.
uint8_t mixed(const Taps& taps, const uint8_t* first, size_t stride) {
  int sum = 1 << (kFractionBits - 1);
  for (const int weight : taps.weights) {
    sum += weight * *first;
    first += stride;
  }
  return static_cast<uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

Image resize_rows(const Image& image, int width) {
  if (width == image.size.w) return image;
  Image result(Size{width, image.size.h});
  const std::vector<Taps> taps = make_taps(image.size.w, width);
  for (int y = 0; y < image.size.h; ++y) {
    const uint8_t* in = image.row(y);
    uint8_t* out = result.row(y);
    for (const Taps& tap : taps) {
      for (int c = 0; c < 3; ++c) *out++ = mixed(tap, in + 3 * static_cast<ptrdiff_t>(tap.first) + c, 3);
    }
  }
  return result;
}

Image resize_columns(const Image& image, int height) {
  if (height == image.size.h) return image;
  Image result(Size{image.size.w, height});
  const std::vector<Taps> taps = make_taps(image.size.h, height);
  const size_t row_bytes = static_cast<size_t>(image.size.w) * 3;
  for (int y = 0; y < height; ++y) {
    const Taps& tap = taps[static_cast<size_t>(y)];
    uint8_t* out = result.row(y);
    for (size_t i = 0; i < row_bytes; ++i) out[i] = mixed(tap, image.row(tap.first) + i, row_bytes);
  }
  return result;
}

}  // namespace

Image resize_bicubic(const Image& image, Size to) {
  MAGMA_CHECK(image.size.w > 0 && image.size.h > 0 && to.w > 0 && to.h > 0, "a picture without pixels");
  return resize_columns(resize_rows(image, to.w), to.h);
}

}  // namespace magma
