#include "magma/kernel/matmul.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "magma/core/check.h"
#include "magma/kernel/matmul_kernels.h"

namespace magma {
namespace {

constexpr int64_t kRowBlock = 480;         // rows that share the caches with one chunk of weights
constexpr int64_t kBytesOfTask = 1 << 16;  // of weights: enough to hide what handing out a task costs

#if defined(__x86_64__)
// Not every compiler's __builtin_cpu_supports() knows it.
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}
#endif

bool has_avx2() {
#if defined(__x86_64__)
  static const bool known = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
  return known;
#else
  return false;
#endif
}

const MatmulKernels& kernels() {
#if defined(__x86_64__)
  if (has_avx2()) return kAvx2Matmul;
#endif
  return kPlainMatmul;
}

void few_rows(const Matmul& job, Team& team) {
  const int64_t row_bytes = std::max<int64_t>(1, job.K * format_bytes(job.format));
  const int64_t outputs = std::clamp<int64_t>(kBytesOfTask / row_bytes / 8 * 8, 8, 256);
  const int64_t tasks = (job.N + outputs - 1) / outputs;
  team.run(tasks, [&](int64_t i) {
    kernels().few_rows(job, {0, job.M, i * outputs, std::min(job.N, (i + 1) * outputs)});
  });
}

void many_rows(const Matmul& job, Team& team) {
  const int64_t row_blocks = (job.M + kRowBlock - 1) / kRowBlock;
  const int64_t chunks = (job.N + kChunk - 1) / kChunk;
  team.run(row_blocks * chunks, [&](int64_t i) {
    thread_local std::vector<float> panels(kChunk * kPanelDepth);
    const int64_t m = i / chunks * kRowBlock, n = i % chunks * kChunk;
    kernels().many_rows(job, {m, std::min(job.M, m + kRowBlock), n, std::min(job.N, n + kChunk)}, panels.data());
  });
}

}  // namespace

void matmul(const Matmul& job, Team& team) {
  MAGMA_CHECK(job.M >= 0 && job.N >= 0 && job.K >= 0, "product of {} x {} x {}", job.M, job.N, job.K);
  if (job.M == 0 || job.N == 0) return;
  if (job.M <= kFewRows) return few_rows(job, team);
  many_rows(job, team);
}

void matmul_plain(const Matmul& job) {
  for (int64_t m = 0; m < job.M; ++m) {
    for (int64_t n = 0; n < job.N; ++n) {
      double sum = job.bias == nullptr ? 0.0 : job.bias[n];
      for (int64_t k = 0; k < job.K; ++k) {
        sum += static_cast<double>(job.x[m * job.K + k]) * value_at(job.weight, job.format, n * job.K + k);
      }
      job.y[m * job.N + n] = static_cast<float>(sum);
    }
  }
}

double multiply_add_rate(Team& team) {
  constexpr int64_t kRounds = 4'000'000;  // some ten milliseconds
  constexpr int kPasses = 5;
  double best = 0;
  std::vector<double> operations(static_cast<size_t>(team.threads()));
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto begin = std::chrono::steady_clock::now();
    team.run(team.threads(), [&](int64_t i) { operations[static_cast<size_t>(i)] = kernels().multiply_adds(kRounds); });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    best = std::max(best, std::accumulate(operations.begin(), operations.end(), 0.0) / seconds.count());
  }
  return best;
}

std::string_view matmul_instructions() { return has_avx2() ? "avx2" : "plain"; }

}  // namespace magma
