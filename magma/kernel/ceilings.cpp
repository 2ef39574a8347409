#include "magma/kernel/ceilings.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "magma/core/simd.h"
#include "magma/kernel/bf16_panels.h"
#include "magma/kernel/matmul.h"

namespace magma {
namespace {

constexpr int64_t kFloats = int64_t{1} << 27U;        // 512 MB
constexpr int64_t kFloatsOfTask = int64_t{1} << 18U;  // 1 MB
constexpr int kPasses = 3;

double seconds_of(auto&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The fastest product of one size, in operations per second.
double product_rate(int64_t M, int64_t N, int64_t K, auto&& product) {
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    best = std::max(best, 2.0 * static_cast<double>(M * N * K) / seconds_of(product));
  }
  return best;
}

double bf16_rate(Team& team) {
  constexpr int64_t kRows = 512, kSide = 2048;
  const std::vector<float> x(static_cast<size_t>(kRows * kSide), 0.5F);
  Bf16Panels panels{kSide, kSide};
  const std::vector<uint16_t> weight(static_cast<size_t>(panels.count()), to_bf16(0.25F));
  panels.values = weight.data();
  std::vector<float> y(static_cast<size_t>(kRows * kSide));
  return product_rate(kRows, kSide, kSide,
                      [&] { panel_matmul({.M = kRows, .weight = panels, .x = x.data(), .y = y.data()}, team); });
}

}  // namespace

MAGMA_CPU_CLONES float total_of(const float* values, int64_t count) {
  Float8 sums[8] = {};
  for (int64_t i = 0; i + 64 <= count; i += 64) {
    for (int lane = 0; lane < 8; ++lane) sums[lane] += load<Float8>(values + i + 8 * lane);
  }
  Float8 all = {};
  for (const Float8& part : sums) all += part;
  return sum(all);
}

double read_bandwidth(Team& team) {
  std::vector<float> values(static_cast<size_t>(kFloats), 1.0F);
  const int64_t tasks = kFloats / kFloatsOfTask;
  std::vector<float> totals(static_cast<size_t>(tasks));
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const double seconds = seconds_of([&] {
      team.run(tasks, [&](int64_t i) {
        totals[static_cast<size_t>(i)] = total_of(values.data() + i * kFloatsOfTask, kFloatsOfTask);
      });
    });
    best = std::max(best, static_cast<double>(kFloats) * sizeof(float) / seconds);
  }
  return best;
}

double operation_rate(Team& team) {
  const double f32 = multiply_add_rate(team);
  return has_bf16_products() ? std::max(f32, bf16_rate(team)) : f32;
}

}  // namespace magma
