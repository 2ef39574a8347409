#include "magma/kernel/activation.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "magma/kernel/elementary.h"

namespace magma {
namespace {

constexpr int64_t kValuesOfTask = 8192;

// The last values of a row that fill no vector go through one.
template <typename Function>
MAGMA_INLINE void on_tail(float* values, int64_t count, const Function& function) {
  float padded[8] = {};
  std::copy(values, values + count, padded);
  store(padded, function(load<Float8>(padded)));
  std::copy(padded, padded + count, values);
}

MAGMA_INLINE Float8 gelu8(Float8 x) { return x * 0.5F * (error_function(x * 0.70710678118654752440F) + 1.0F); }
MAGMA_INLINE Float8 silu8(Float8 x) { return x / (exponential(-x) + 1.0F); }

}  // namespace

MAGMA_CPU_CLONES void gelu(float* values, int64_t count) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) store(values + i, gelu8(load<Float8>(values + i)));
  if (i < count)
    on_tail(
        values + i, count - i, [](Float8 x) __attribute__((always_inline)) { return gelu8(x); });
}

MAGMA_CPU_CLONES void silu_product(float* gate, const float* up, int64_t count) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) store(gate + i, silu8(load<Float8>(gate + i)) * load<Float8>(up + i));
  if (i == count) return;
  on_tail(
      gate + i, count - i, [](Float8 x) __attribute__((always_inline)) { return silu8(x); });
  for (; i < count; ++i) gate[i] *= up[i];
}

MAGMA_CPU_CLONES void softmax(float* values, int64_t count) {
  float most = -INFINITY;
  Float8 lanes = Float8{} - INFINITY;
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const Float8 value = load<Float8>(values + i);
    lanes = value > lanes ? value : lanes;
  }
  for (int lane = 0; lane < 8; ++lane) most = std::max(most, lanes[lane]);
  for (; i < count; ++i) most = std::max(most, values[i]);
  Float8 sums = {};
  i = 0;
  for (; i + 8 <= count; i += 8) {
    const Float8 e = exponential(load<Float8>(values + i) - most);
    sums += e;
    store(values + i, e);
  }
  float total = sum(sums);
  for (int64_t k = i; k < count; ++k) values[k] -= most;
  if (i < count)
    on_tail(
        values + i, count - i, [](Float8 x) __attribute__((always_inline)) { return exponential(x); });
  for (; i < count; ++i) total += values[i];
  const float scale = 1.0F / total;
  for (int64_t k = 0; k < count; ++k) values[k] *= scale;
}

void gelu(float* values, int64_t count, Team& team) {
  team.run((count + kValuesOfTask - 1) / kValuesOfTask, [&](int64_t task) {
    const int64_t begin = task * kValuesOfTask;
    gelu(values + begin, std::min(kValuesOfTask, count - begin));
  });
}

void silu_product(float* gate, const float* up, int64_t count, Team& team) {
  team.run((count + kValuesOfTask - 1) / kValuesOfTask, [&](int64_t task) {
    const int64_t begin = task * kValuesOfTask;
    silu_product(gate + begin, up + begin, std::min(kValuesOfTask, count - begin));
  });
}

float gelu_plain(float value) { return static_cast<float>(0.5 * value * (1 + std::erf(value / std::numbers::sqrt2))); }

float silu_plain(float value) { return static_cast<float>(value / (1 + std::exp(-static_cast<double>(value)))); }

}  // namespace magma
