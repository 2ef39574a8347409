#include "magma/nn/quantise_weights.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <vector>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/simd.h"

namespace magma {
namespace {

constexpr int64_t kLargestGroup = 128;
constexpr float kRounder = 0x1.8p23F;  // added and taken away again, it rounds to the nearest whole number
constexpr int kSpans = 9;              // tried on either side of the natural one
constexpr float kSpanStep = 0.1F;      // in codes
constexpr int kRefits = 2;

using Values = std::array<float, kLargestGroup>;

// One group of one output.
struct Group {
  int64_t count = 0;  // a multiple of 8
  alignas(32) Values x{}, weight{}, code{};
};

struct Fit {
  float scale = 0, offset = 0;
  float error = INFINITY;  // weighted squares
};

}  // namespace

// Codes of the values at this scale, and how far they are from them.
MAGMA_CPU_CLONES static float round_group(Group& group, float scale, float offset, float lowest, float highest) {
  const float factor = scale == 0 ? 0 : 1 / scale;
  Float8 error = {};
  const Float8 low = Float8{} + lowest, high = Float8{} + highest;
  for (int64_t k = 0; k < group.count; k += 8) {
    const auto x = load<Float8>(group.x.data() + k), weight = load<Float8>(group.weight.data() + k);
    Float8 code = ((x - offset) * factor + kRounder) - kRounder;
    code = code < low ? low : code;
    code = code > high ? high : code;
    store(group.code.data() + k, code);
    const Float8 off = code * scale + offset - x;
    error += weight * off * off;
  }
  return sum(error);
}

// Sums for a least-squares line through (code, x).
struct Moments {
  float weight, code, code_code, x, x_code;
};
MAGMA_CPU_CLONES static Moments moments_of(const Group& group) {
  Float8 w = {}, wc = {}, wcc = {}, wx = {}, wxc = {};
  for (int64_t k = 0; k < group.count; k += 8) {
    const auto x = load<Float8>(group.x.data() + k), weight = load<Float8>(group.weight.data() + k);
    const auto code = load<Float8>(group.code.data() + k);
    w += weight;
    wc += weight * code;
    wcc += weight * code * code;
    wx += weight * x;
    wxc += weight * x * code;
  }
  return {sum(w), sum(wc), sum(wcc), sum(wx), sum(wxc)};
}

namespace {

float as_half(float value) { return from_f16(to_f16(value)); }

void keep_better(Fit& best, Group& group, float scale, float offset, float lowest, float highest) {
  const Fit tried = {as_half(scale), as_half(offset), 0};
  const float error = round_group(group, tried.scale, tried.offset, lowest, highest);
  if (error < best.error) best = {tried.scale, tried.offset, error};
}

// value = scale * code, code in [-half, half - 1].
Fit fit_symmetric(Group& group, float half) {
  float largest = 0;
  for (int64_t k = 0; k < group.count; ++k) {
    const float x = group.x[static_cast<size_t>(k)];
    if (std::abs(x) > std::abs(largest)) largest = x;
  }
  Fit best;
  if (largest == 0) return {0, 0, 0};
  for (int i = -kSpans; i <= kSpans; ++i) {
    const float scale = -largest / (half + kSpanStep * static_cast<float>(i));
    keep_better(best, group, scale, 0, -half, half - 1);
    const Moments sums = moments_of(group);
    if (sums.code_code > 0) keep_better(best, group, sums.x_code / sums.code_code, 0, -half, half - 1);
  }
  best.error = round_group(group, best.scale, 0, -half, half - 1);
  return best;
}

// value = scale * code + offset, code in [0, highest].
Fit fit_offset(Group& group, float highest) {
  const auto [low, high] = std::minmax_element(group.x.begin(), group.x.begin() + group.count);
  const float lowest_value = *low, span = *high - *low;
  Fit best;
  if (span == 0) {
    keep_better(best, group, 0, lowest_value, 0, highest);
    return best;
  }
  for (int i = -kSpans; i <= kSpans; ++i) {
    float scale = span / (highest + kSpanStep * static_cast<float>(i)), offset = lowest_value;
    for (int refit = 0; refit <= kRefits; ++refit) {
      keep_better(best, group, scale, offset, 0, highest);
      const Moments sums = moments_of(group);
      const float determinant = sums.weight * sums.code_code - sums.code * sums.code;
      if (determinant <= 0) break;
      scale = (sums.weight * sums.x_code - sums.code * sums.x) / determinant;
      offset = (sums.code_code * sums.x - sums.code * sums.x_code) / determinant;
    }
  }
  best.error = round_group(group, best.scale, best.offset, 0, highest);
  return best;
}

void load_group(const float* x, std::span<const float> importance, int64_t count, Group& group) {
  std::fill(group.x.begin(), group.x.end(), 0.0F);
  std::fill(group.weight.begin(), group.weight.end(), 0.0F);
  std::copy_n(x, count, group.x.begin());
  if (importance.empty()) {
    std::fill_n(group.weight.begin(), count, 1.0F);
    return;
  }
  // An input that the calibration never saw still counts a little.
  float mean = 0;
  for (const float weight : importance) mean += weight / static_cast<float>(count);
  for (int64_t k = 0; k < count; ++k) {
    const auto at = static_cast<size_t>(k);
    group.weight[at] = mean == 0 ? 1.0F : importance[at] / mean + 1e-3F;
  }
}

class Quantiser {
 public:
  Quantiser(const Tensor& matrix, QuantisedFormat format, std::span<const float> importance)
      : matrix_(matrix), result_(Tensor::quantised(matrix.shape(), format)), importance_(importance) {}

  void panel(int64_t panel) {
    const QuantisedMatrix layout = result_.quantised_matrix();
    const QuantisedFormat format = layout.format;
    const int64_t first = panel * kQuantisedPanel, rows = std::min(kQuantisedPanel, layout.N - first);
    std::vector<float> values(static_cast<size_t>(rows * layout.K));
    const NumberFormat stored = number_format(matrix_.dtype());
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = value_at(matrix_.data(), stored, first * layout.K + static_cast<int64_t>(i));
      if (!std::isfinite(values[i])) note_fault(first * layout.K + static_cast<int64_t>(i));
    }
    for (int64_t g = 0; g < layout.groups(); ++g) {
      const int64_t k = g * format.group, count = std::min(format.group, layout.K - k);
      PanelGroup packed;
      for (int64_t o = 0; o < rows; ++o) {
        Group group;
        group.count = format.group;
        const auto weights =
            importance_.empty() ? importance_ : importance_.subspan(static_cast<size_t>(k), static_cast<size_t>(count));
        load_group(values.data() + o * layout.K + k, weights, count, group);
        write_fit(format, group, o, packed);
      }
      write_group(layout, panel, g, packed, static_cast<uint8_t*>(result_.mutable_data()));
    }
  }

  Tensor finish() const {
    const int64_t at = fault_.load();
    if (at == kNone) return result_;
    const int64_t K = matrix_.dim(1);
    throw Error(ErrorCode::Malformed, {.where = fmt::format("row {}, column {}", at / K, at % K),
                                       .what = "is no number",
                                       .expected = "finite weights"});
  }

 private:
  static constexpr int64_t kNone = INT64_MAX;

  static void write_fit(QuantisedFormat format, Group& group, int64_t o, PanelGroup& packed) {
    const auto half = static_cast<float>(1 << (code_bits(format.kind) - 1));
    const bool offset = has_offsets(format.kind);
    const Fit fit = offset ? fit_offset(group, 2 * half - 1) : fit_symmetric(group, half);
    packed.scales[o] = fit.scale;
    packed.offsets[o] = fit.offset;
    uint8_t* codes = packed.codes + o * format.group;
    for (int64_t k = 0; k < format.group; ++k) {
      const float code = group.code[static_cast<size_t>(k)] + (offset ? 0 : half);
      codes[k] = static_cast<uint8_t>(code);
    }
  }

  void note_fault(int64_t at) {
    int64_t known = fault_.load();
    while (at < known && !fault_.compare_exchange_weak(known, at)) {
    }
  }

  const Tensor& matrix_;
  Tensor result_;
  std::span<const float> importance_;
  std::atomic<int64_t> fault_ = kNone;
};

}  // namespace

Tensor quantise_matrix(const Tensor& matrix, QuantisedFormat format, std::span<const float> importance, Team& team) {
  MAGMA_CHECK(matrix.rank() == 2 && (importance.empty() || static_cast<int64_t>(importance.size()) == matrix.dim(1)),
              "{} with {} importances", shape_text(matrix.shape()), importance.size());
  Quantiser quantiser(matrix, format, importance);
  const int64_t panels = (matrix.dim(0) + kQuantisedPanel - 1) / kQuantisedPanel;
  team.run(panels, [&](int64_t panel) { quantiser.panel(panel); });
  return quantiser.finish();
}

}  // namespace magma
