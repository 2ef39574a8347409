#include "magma/track/classical_appearance.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace magma {

namespace {

constexpr int kCells = kPatchSide * kPatchSide;

// Mean of the pixels of `image` within `reach` of (x, y), cut to the image.
float box_mean(const GreyImage& image, int x, int y, int reach) {
  const int x0 = std::clamp(x - reach, 0, image.size.w - 1), x1 = std::clamp(x + reach, 0, image.size.w - 1);
  const int y0 = std::clamp(y - reach, 0, image.size.h - 1), y1 = std::clamp(y + reach, 0, image.size.h - 1);
  int sum = 0;
  for (int r = y0; r <= y1; ++r) {
    const uint8_t* row = image.row(r);
    for (int c = x0; c <= x1; ++c) sum += row[c];
  }
  return static_cast<float>(sum) / static_cast<float>((x1 - x0 + 1) * (y1 - y0 + 1));
}

}  // namespace

MAGMA_CPU_CLONES void Patch::take(const FloatPlane& plane, Point centre) {
  plane.sample<kPatchSide>(centre, value);
  deviation = take_out_mean<kCells>(value);
}

MAGMA_CPU_CLONES float correlation(const Patch& a, const Patch& b) {
  Float8 product = {};
  for (int i = 0; i < kCells; i += 8) product += load<Float8>(a.value + i) * load<Float8>(b.value + i);
  const float scale = a.deviation * b.deviation * kCells;
  return scale > 1e-3F ? sum(product) / scale : 0.0F;
}

MAGMA_CPU_CLONES float mean_difference(const Patch& a, const Patch& b) {
  Float8 total = {};
  for (int i = 0; i < kCells; i += 8) {
    const Float8 difference = load<Float8>(a.value + i) - load<Float8>(b.value + i);
    total += difference < 0.0F ? -difference : difference;
  }
  return sum(total) / kCells;
}

Colour mean_colour(const Planes& frame, Point centre) {
  const int x = static_cast<int>(std::lround(centre.x)), y = static_cast<int>(std::lround(centre.y));
  const float luma = box_mean(frame.luma, x, y, 4);
  const float u = box_mean(frame.u, x / 2, y / 2, 2) - 128, v = box_mean(frame.v, x / 2, y / 2, 2) - 128;
  if (frame.bt709) return {luma + 1.5748F * v, luma - 0.1873F * u - 0.4681F * v, luma + 1.8556F * u};
  return {luma + 1.402F * v, luma - 0.3441F * u - 0.7141F * v, luma + 1.772F * u};
}

float colour_distance(const Colour& a, const Colour& b) {
  return std::max({std::abs(a[0] - b[0]), std::abs(a[1] - b[1]), std::abs(a[2] - b[2])});
}

float estimate_noise(const GreyImage& luma) {
  std::array<int64_t, 4 * 255 + 1> histogram = {};
  int64_t count = 0;
  for (int y = 1; y + 1 < luma.size.h; ++y) {
    const uint8_t *above = luma.row(y - 1), *row = luma.row(y), *below = luma.row(y + 1);
    for (int x = 1; x + 1 < luma.size.w; ++x, ++count) {
      ++histogram[static_cast<size_t>(std::abs(4 * row[x] - row[x - 1] - row[x + 1] - above[x] - below[x]))];
    }
  }
  size_t median = 0;
  for (int64_t below = histogram[0]; below * 2 < count; below += histogram[median]) ++median;
  return static_cast<float>(median) / 0.6745F / std::sqrt(20.0F);
}

}  // namespace magma
