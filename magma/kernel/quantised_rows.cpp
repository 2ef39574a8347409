#include "magma/kernel/quantised_rows.h"

#include <algorithm>
#include <cmath>

#include "magma/core/simd.h"
#include "magma/kernel/quantised_kernels.h"

namespace magma {
namespace {

constexpr float kLargestCode = 127;
// Added and taken away again, it rounds to the nearest whole number, ties to even.
constexpr float kRounder = 0x1.8p23F;

}  // namespace

// NaN is kept by the sum of what should be zero; the maximum alone would lose it.
MAGMA_CPU_CLONES CodedGroup quantise_group(const float* x, int64_t count, int8_t* codes) {
  Float8 largest = {}, poison = {};
  int64_t k = 0;
  for (; k + 8 <= count; k += 8) {
    const auto value = load<Float8>(x + k);
    const Float8 size = value < 0 ? -value : value;
    largest = size > largest ? size : largest;
    poison += value - value;
  }
  float top = 0, faulty = sum(poison);
  for (int i = 0; i < 8; ++i) top = std::max(top, largest[i]);
  for (; k < count; ++k) {
    top = std::max(top, std::abs(x[k]));
    faulty += x[k] - x[k];
  }
  const float scale = top / kLargestCode + faulty;
  const float factor = scale > 0 ? kLargestCode / top : 0.0F;
  using Int8 = int32_t __attribute__((vector_size(32)));
  using Code8 = int8_t __attribute__((vector_size(8)));
  Int8 totals = {};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const Float8 product = load<Float8>(x + i) * factor;
    const Float8 rounded = (product + kRounder) - kRounder;
    // Of a group with NaN or infinities only the scale counts.
    const Float8 valid = rounded == rounded ? rounded : Float8{};
    const Int8 whole = __builtin_convertvector(valid, Int8);
    const Code8 eight = __builtin_convertvector(whole, Code8);
    __builtin_memcpy(codes + i, &eight, sizeof eight);
    totals += whole;
  }
  int32_t total = 0;
  for (int lane = 0; lane < 8; ++lane) total += totals[lane];
  for (; i < count; ++i) {
    const float rounded = (x[i] * factor + kRounder) - kRounder;
    const int32_t code = rounded == rounded ? static_cast<int32_t>(rounded) : 0;
    codes[i] = static_cast<int8_t>(code);
    total += code;
  }
  return {scale, total};
}

void QuantisedRows::reserve(int64_t rows, int64_t K, int64_t group) {
  rows_ = rows;
  K_ = K;
  group_ = group;
  groups_ = (K + group - 1) / group;
  codes_.resize(static_cast<size_t>(rows * depth()));
  scales_.resize(static_cast<size_t>(rows * groups_));
  sums_.resize(static_cast<size_t>(rows * groups_));
}

void QuantisedRows::assign_groups(int64_t row, int64_t first_group, int64_t last_group, const float* x) {
  for (int64_t g = first_group; g < last_group; ++g, x += group_) {
    int8_t* codes = codes_.data() + row * depth() + g * group_;
    const int64_t count = std::min(group_, K_ - g * group_);
    const CodedGroup coded = quantised_kernels().quantise(x, count, codes);
    std::fill(codes + count, codes + group_, int8_t{0});
    scales_[static_cast<size_t>(row * groups_ + g)] = coded.scale;
    sums_[static_cast<size_t>(row * groups_ + g)] = coded.sum;
  }
}

void QuantisedRows::assign(const float* x, int64_t rows, int64_t K, int64_t group, Team& team) {
  reserve(rows, K, group);
  // One row is done sooner than other threads wake up.
  if (rows == 1) return assign_groups(0, 0, groups_, x);
  team.run(rows, [&](int64_t row) { assign_groups(row, 0, groups_, x + row * K); });
}

}  // namespace magma
