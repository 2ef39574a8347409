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
constexpr int kTries = 4;  // of scales, where inputs are rounded in order, on either side
constexpr float kTryStep = 0.03F;

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

// x [32, 64] += factors [depth, 32]^T errors [depth, 64]
MAGMA_CPU_CLONES static void add_feedback(const float* factors, const float* errors, int64_t depth, float* x) {
  constexpr int64_t kDepth = 128, kInputs = 4, kOutputs = 16, kBlock = ErrorFeedback::kBlock;
  for (int64_t begin = 0; begin < depth; begin += kDepth) {
    const int64_t end = std::min(depth, begin + kDepth);
    for (int64_t i = 0; i < kBlock; i += kInputs) {
      for (int64_t o = 0; o < kQuantisedPanel; o += kOutputs) {
        Float8 sums[kInputs][2] = {};
        for (int64_t j = begin; j < end; ++j) {
          const auto first = load<Float8>(errors + j * kQuantisedPanel + o);
          const auto second = load<Float8>(errors + j * kQuantisedPanel + o + 8);
          MAGMA_UNROLL for (int64_t c = 0; c < kInputs; ++c) {
            const float factor = factors[j * kBlock + i + c];
            sums[c][0] += factor * first;
            sums[c][1] += factor * second;
          }
        }
        for (int64_t c = 0; c < kInputs; ++c) {
          float* to = x + (i + c) * kQuantisedPanel + o;
          store(to, load<Float8>(to) + sums[c][0]);
          store(to + 8, load<Float8>(to + 8) + sums[c][1]);
        }
      }
    }
  }
}

// The grid of each output in a group.
struct Grids {
  float scale[kQuantisedPanel] = {}, offset[kQuantisedPanel] = {}, factor[kQuantisedPanel] = {};  // factor: 1 / scale
  float lowest = 0, highest = 0;

  void set(int64_t o, float to_scale, float to_offset) {
    scale[o] = to_scale;
    offset[o] = to_offset;
    factor[o] = to_scale == 0 ? 0 : 1 / to_scale;
  }
};

// One input of a panel on its way: x [64] becomes codes, errors [64] how far the weights are from their values; losses
// [64] grow by cost times the squares of what x was from them.
struct Column {
  const float* weights;
  float* x;
  float* errors;
  float cost;
  float* losses;
};
MAGMA_CPU_CLONES static void round_column(const Grids& grids, const Column& column) {
  const Float8 low = Float8{} + grids.lowest, high = Float8{} + grids.highest;
  for (int64_t o = 0; o < kQuantisedPanel; o += 8) {
    const auto scale = load<Float8>(grids.scale + o), offset = load<Float8>(grids.offset + o);
    const auto x = load<Float8>(column.x + o);
    Float8 code = ((x - offset) * load<Float8>(grids.factor + o) + kRounder) - kRounder;
    code = code < low ? low : code;
    code = code > high ? high : code;
    const Float8 value = code * scale + offset, residual = x - value;
    store(column.x + o, code);
    store(column.errors + o, load<Float8>(column.weights + o) - value);
    store(column.losses + o, load<Float8>(column.losses + o) + column.cost * residual * residual);
  }
}

// x += factor * errors
MAGMA_CPU_CLONES static void add_scaled(const float* errors, float factor, float* x) {
  for (int64_t o = 0; o < kQuantisedPanel; o += 8) {
    store(x + o, load<Float8>(x + o) + factor * load<Float8>(errors + o));
  }
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
    const int64_t rows = rows_of(panel);
    const std::vector<float> values = values_of(panel);
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

  void panel_in_order(int64_t panel, const ErrorFeedback& feedback) {
    const QuantisedMatrix layout = result_.quantised_matrix();
    const int64_t rows = rows_of(panel);
    const std::vector<float> values = values_of(panel);
    Ordered work{feedback,
                 std::vector<float>(static_cast<size_t>(layout.K * kQuantisedPanel)),
                 std::vector<float>(static_cast<size_t>(layout.K * kQuantisedPanel)),
                 {},
                 {}};
    for (int64_t o = 0; o < rows; ++o) {
      for (int64_t k = 0; k < layout.K; ++k) work.weight(k)[o] = values[static_cast<size_t>(o * layout.K + k)];
    }
    for (int64_t g = 0; g < layout.groups(); ++g) {
      const int64_t first = g * layout.format.group, count = std::min(layout.format.group, layout.K - first);
      work.begin_group(first, count);
      PanelGroup packed;
      const Piece piece = {first, count, rows};
      const Grids grids = finer_grids(piece, work, choose_grids(piece, work));
      std::copy_n(grids.scale, rows, packed.scales);
      std::copy_n(grids.offset, rows, packed.offsets);
      work.round_group(grids, first, count);
      const float zero = has_offsets(layout.format.kind) ? 0 : -grids.lowest;
      for (int64_t o = 0; o < rows; ++o) {
        uint8_t* codes = packed.codes + o * layout.format.group;
        for (int64_t k = 0; k < count; ++k) codes[k] = static_cast<uint8_t>(work.column(k)[o] + zero);
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

  // A panel on its way through the inputs.
  struct Ordered {
    const ErrorFeedback& feedback;
    std::vector<float> weights, errors;  // [K, 64]
    std::vector<float> x;                // [128, 64], of a group: what is to be rounded; later its codes

    float losses[kQuantisedPanel];  // of the group

    float* weight(int64_t k) { return weights.data() + k * kQuantisedPanel; }
    float* column(int64_t k) { return x.data() + k * kQuantisedPanel; }
    float* error(int64_t k) { return errors.data() + k * kQuantisedPanel; }

    void begin_group(int64_t first, int64_t count) {
      x.assign(kLargestGroup * kQuantisedPanel, 0);
      std::copy_n(weight(first), count * kQuantisedPanel, x.data());
      for (int64_t k = 0; k < count; k += ErrorFeedback::kBlock) {
        add_feedback(feedback.block((first + k) / ErrorFeedback::kBlock), error(0), first, column(k));
      }
    }

    void round_group(const Grids& grids, int64_t first, int64_t count) {
      constexpr int64_t kBlock = ErrorFeedback::kBlock;
      std::fill_n(losses, kQuantisedPanel, 0.0F);
      for (int64_t j = 0; j < count; ++j) {
        const float cost = feedback.costs()[static_cast<size_t>(first + j)];
        round_column(grids, {weight(first + j), column(j), error(first + j), cost, losses});
        for (int64_t i = j + 1; i < count; ++i) {
          const float* factors = feedback.block((first + i) / kBlock) + (first + j) * kBlock;
          add_scaled(error(first + j), factors[i % kBlock], column(i));
        }
      }
    }
  };

  struct Piece {
    int64_t first, count, rows;
  };
  // Errors that later inputs make good are not those of rounding alone: scales near the chosen one are tried in order.
  Grids finer_grids(const Piece& piece, Ordered& work, const Grids& grids) const {
    const std::vector<float> x = work.x;
    Grids best = grids;
    float least[kQuantisedPanel];
    std::fill_n(least, kQuantisedPanel, INFINITY);
    for (int i = -kTries; i <= kTries; ++i) {
      const Grids tried = widened(grids, 1 + kTryStep * static_cast<float>(i));
      work.round_group(tried, piece.first, piece.count);
      work.x = x;
      for (int64_t o = 0; o < piece.rows; ++o) {
        if (work.losses[o] >= least[o]) continue;
        least[o] = work.losses[o];
        best.set(o, tried.scale[o], tried.offset[o]);
      }
    }
    return best;
  }

  // About the middle of their values.
  static Grids widened(const Grids& grids, float by) {
    const float middle = grids.lowest == 0 ? grids.highest / 2 : 0;
    Grids result = grids;
    for (int64_t o = 0; o < kQuantisedPanel; ++o) {
      const float scale = as_half(grids.scale[o] * by);
      result.set(o, scale, as_half(grids.offset[o] + (grids.scale[o] - scale) * middle));
    }
    return result;
  }

  Grids choose_grids(const Piece& piece, Ordered& work) const {
    const QuantisedFormat format = result_.quantised_matrix().format;
    const auto half = static_cast<float>(1 << (code_bits(format.kind) - 1));
    const bool offset = has_offsets(format.kind);
    const std::span<const float> costs =
        std::span(work.feedback.costs()).subspan(static_cast<size_t>(piece.first), static_cast<size_t>(piece.count));
    Grids grids;
    grids.lowest = offset ? 0 : -half;
    grids.highest = offset ? 2 * half - 1 : half - 1;
    for (int64_t o = 0; o < piece.rows; ++o) {
      Values values;
      for (int64_t k = 0; k < piece.count; ++k) values[static_cast<size_t>(k)] = work.column(k)[o];
      Group group;
      group.count = format.group;
      load_group(values.data(), costs, piece.count, group);
      const Fit fit = offset ? fit_offset(group, grids.highest) : fit_symmetric(group, half);
      grids.set(o, fit.scale, fit.offset);
    }
    return grids;
  }

  int64_t rows_of(int64_t panel) const { return std::min(kQuantisedPanel, matrix_.dim(0) - panel * kQuantisedPanel); }

  std::vector<float> values_of(int64_t panel) {
    const int64_t first = panel * kQuantisedPanel * matrix_.dim(1);
    std::vector<float> values(static_cast<size_t>(rows_of(panel) * matrix_.dim(1)));
    const NumberFormat stored = number_format(matrix_.dtype());
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = value_at(matrix_.data(), stored, first + static_cast<int64_t>(i));
      if (std::isfinite(values[i])) continue;
      note_fault(first + static_cast<int64_t>(i));
      values[i] = 0;
    }
    return values;
  }

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

Tensor quantise_matrix(const Tensor& matrix, QuantisedFormat format, const ErrorFeedback& feedback, Team& team) {
  MAGMA_CHECK(matrix.rank() == 2 && feedback.width() == matrix.dim(1), "{} with feedback for {} inputs",
              shape_text(matrix.shape()), feedback.width());
  Quantiser quantiser(matrix, format, {});
  const int64_t panels = (matrix.dim(0) + kQuantisedPanel - 1) / kQuantisedPanel;
  team.run(panels, [&](int64_t panel) { quantiser.panel_in_order(panel, feedback); });
  return quantiser.finish();
}

}  // namespace magma
