#include "magma/image/lanczos.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "magma/core/check.h"
#include "magma/core/simd.h"

namespace magma {
namespace {

constexpr float kRadius = 3;
constexpr float kPi = 3.14159265358979323846F;

// Which input samples make an output sample, and how much of each.
struct Span {
  int begin = 0;
  std::vector<float> weights;
};

float lanczos(float x) {
  x = std::abs(x);
  if (x >= kRadius) return 0;
  if (x <= 1e-3F) return 1;
  return kRadius * std::sin(kPi * x) * std::sin(kPi * x / kRadius) / (kPi * kPi * x * x);
}

std::vector<Span> spans_of(int from, int to) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  const float widened = std::max(scale, 1.0F), support = kRadius * widened;
  std::vector<Span> spans(static_cast<size_t>(to));
  for (int i = 0; i < to; ++i) {
    const float centre = (static_cast<float>(i) + 0.5F) * scale;
    const int begin = std::max(0, static_cast<int>(std::ceil(centre - support - 0.5F)));
    const int end = std::min(from - 1, static_cast<int>(std::floor(centre + support - 0.5F))) + 1;
    Span& span = spans[static_cast<size_t>(i)];
    span.begin = begin;
    float total = 0;
    for (int j = begin; j < end; ++j) {
      span.weights.push_back(lanczos((static_cast<float>(j) + 0.5F - centre) / widened));
      total += span.weights.back();
    }
    for (float& weight : span.weights) weight /= total;
  }
  return spans;
}

// Each output row is a weighted sum of input rows. [rows, width] -> [spans, width]
MAGMA_CPU_CLONES void combine_rows(const float* in, size_t width, const std::vector<Span>& spans, float* out) {
  for (const Span& span : spans) {
    std::fill(out, out + width, 0.0F);
    for (size_t k = 0; k < span.weights.size(); ++k) {
      const float* row = in + (static_cast<size_t>(span.begin) + k) * width;
      const float weight = span.weights[k];
      for (size_t i = 0; i < width; ++i) out[i] += weight * row[i];
    }
    out += width;
  }
}

MAGMA_CPU_CLONES void round_to_bytes(const std::vector<float>& in, std::vector<uint8_t>& out) {
  for (size_t i = 0; i < in.size(); ++i) {
    constexpr float kToEven = 12582912.0F;  // 1.5 * 2^23: adding it leaves no fraction
    const float rounded = (in[i] + kToEven) - kToEven;
    out[i] = static_cast<uint8_t>(std::min(std::max(rounded, 0.0F), 255.0F));
  }
}

// [rows, cols, 3] -> [cols, rows, 3], so that columns become rows.
template <typename From>
void transpose(const From* in, size_t rows, size_t cols, float* out) {
  constexpr size_t kBlock = 16;
  for (size_t first = 0; first < cols; first += kBlock) {
    for (size_t y = 0; y < rows; ++y) {
      for (size_t x = first; x < std::min(first + kBlock, cols); ++x) {
        const From* from = in + (y * cols + x) * 3;
        float* to = out + (x * rows + y) * 3;
        for (size_t c = 0; c < 3; ++c) to[c] = static_cast<float>(from[c]);
      }
    }
  }
}

}  // namespace

Image resize_lanczos(const Image& image, Size size_px) {
  MAGMA_CHECK(image.size.w > 0 && image.size.h > 0 && size_px.w > 0 && size_px.h > 0, "{}x{} px to {}x{}", image.size.w,
              image.size.h, size_px.w, size_px.h);
  const auto w = static_cast<size_t>(image.size.w), h = static_cast<size_t>(image.size.h);
  const auto W = static_cast<size_t>(size_px.w), H = static_cast<size_t>(size_px.h);
  std::vector<float> columns(w * h * 3), resized(W * h * 3), rows(W * h * 3), values(W * H * 3);
  transpose(image.pixels.data(), h, w, columns.data());
  combine_rows(columns.data(), h * 3, spans_of(image.size.w, size_px.w), resized.data());
  transpose(resized.data(), W, h, rows.data());
  combine_rows(rows.data(), W * 3, spans_of(image.size.h, size_px.h), values.data());
  Image result(size_px);
  round_to_bytes(values, result.pixels);
  return result;
}

}  // namespace magma
