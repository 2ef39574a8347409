#include "magma/kernel/bf16_panels.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "magma/core/check.h"
#include "magma/core/simd.h"
#include "magma/kernel/bf16_panel_rows.h"
#include "magma/kernel/matmul.h"
#include "magma/kernel/onednn.h"

namespace magma {
namespace {

constexpr int64_t kPairs = 2;  // depths side by side
constexpr int64_t kPackDepth = 1024;
constexpr int64_t kChunkPanels = 4;  // of one task of oneDNN
constexpr int64_t kRowBlock = 128;   // rows of one task of oneDNN; the last block is filled up to kRowStep
constexpr int64_t kRowStep = 32;

}  // namespace

MAGMA_CPU_CLONES void round_to_bf16(const float* from, int64_t count, uint16_t* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = to_bf16(from[i]);
}

namespace {

// Values of x rounded to bf16, rows filled up with zeros: [rows, depth].
void round_rows(const PanelMatmul& job, int64_t rows, std::vector<uint16_t>& values, Team& team) {
  const int64_t K = job.weight.K, depth = job.weight.depth();
  values.assign(static_cast<size_t>(rows * depth), 0);
  team.run(job.M, [&](int64_t m) { round_to_bf16(job.x + m * K, K, values.data() + m * depth); });
}

bool has_avx512_bf16() {
#if defined(__x86_64__)
  static const bool known = __builtin_cpu_supports("avx512bf16") != 0;
  return known;
#else
  return false;
#endif
}

void sums_of(const PanelRows& job, int64_t rows) {
#if defined(__x86_64__)
  if (has_avx512_bf16()) return panel_rows_avx512(job, rows);
#endif
  panel_rows(job, rows);
}

void write_outputs(const PanelMatmul& job, int64_t m, int64_t n, const float* sums, int64_t count) {
  const int64_t outputs = std::min(count, job.weight.N - n);
  float* y = job.y + m * job.weight.N + n;
  if (job.bias == nullptr) {
    std::copy(sums, sums + outputs, y);
    return;
  }
  for (int64_t o = 0; o < outputs; ++o) y[o] = sums[o] + job.bias[n + o];
}

void few_rows(const PanelMatmul& job, Team& team) {
  thread_local std::vector<uint16_t> room;  // reused: no token allocates it anew
  round_rows(job, job.M, room, team);
  const uint16_t* x = room.data();
  const int64_t depth = job.weight.depth();
  team.run(job.weight.panels(), [&](int64_t panel) {
    std::array<float, kPanelRows * kPanelWidth> sums{};
    const uint16_t* values = job.weight.values + panel * kPanelWidth * depth;
    for (int64_t m = 0; m < job.M; m += kPanelRows) {
      const int64_t rows = std::min(kPanelRows, job.M - m);
      sums_of({values, x + m * depth, depth, sums.data()}, rows);
      for (int64_t r = 0; r < rows; ++r) {
        write_outputs(job, m + r, panel * kPanelWidth, sums.data() + r * kPanelWidth, kPanelWidth);
      }
    }
  });
}

// Blocks of fixed sizes, each on one thread: what stands beside a row never decides how it is computed.
void many_rows(const PanelMatmul& job, Team& team) {
  const int64_t blocks = (job.M + kRowBlock - 1) / kRowBlock;
  const int64_t chunks = (job.weight.panels() + kChunkPanels - 1) / kChunkPanels;
  const int64_t depth = job.weight.depth();
  std::vector<uint16_t> x;
  round_rows(job, blocks * kRowBlock, x, team);
  team.run(blocks * chunks, [&](int64_t i) {
    const int64_t m = i / chunks * kRowBlock, panel = i % chunks * kChunkPanels;
    const int64_t rows = std::min(kRowBlock, (job.M - m + kRowStep - 1) / kRowStep * kRowStep);
    const int64_t outputs = std::min(kChunkPanels, job.weight.panels() - panel) * kPanelWidth;
    thread_local std::vector<float> y;
    y.resize(static_cast<size_t>(kRowBlock * kChunkPanels * kPanelWidth));
    onednn_product({.M = rows,
                    .N = outputs,
                    .K = depth,
                    .x = x.data() + m * depth,
                    .panels = job.weight.values + panel * kPanelWidth * depth,
                    .y = y.data()});
    for (int64_t r = m; r < std::min(job.M, m + rows); ++r) {
      write_outputs(job, r, panel * kPanelWidth, y.data() + (r - m) * outputs, outputs);
    }
  });
}

}  // namespace

void pack_bf16_panels(const uint16_t* weight, const Bf16Panels& shape, uint16_t* values, Team& team) {
  const int64_t depth = shape.depth(), K = shape.K, whole = K / kPairs * kPairs;
  team.run(shape.panels(), [&](int64_t panel) {
    uint16_t* to = values + panel * kPanelWidth * depth;
    const int64_t outputs = std::min(kPanelWidth, shape.N - panel * kPanelWidth);
    if (outputs < kPanelWidth || K < depth) std::fill(to, to + kPanelWidth * depth, uint16_t{0});
    const uint16_t* from = weight + panel * kPanelWidth * K;
    // By blocks long enough to read rows as streams and short enough for the second-level cache.
    for (int64_t block = 0; block < whole; block += kPackDepth) {
      const int64_t end = std::min(whole, block + kPackDepth);
      for (int64_t o = 0; o < outputs; ++o) {
        uint16_t* column = to + block * kPanelWidth + o * kPairs;
        for (int64_t k = block; k < end; k += kPairs, column += kPairs * kPanelWidth) {
          std::memcpy(column, from + o * K + k, kPairs * sizeof(uint16_t));
        }
      }
    }
    for (int64_t o = 0; whole < K && o < outputs; ++o) to[whole * kPanelWidth + o * kPairs] = from[o * K + whole];
  });
}

void panel_matmul(const PanelMatmul& job, Team& team) {
  MAGMA_CHECK(job.M >= 0, "product of {} rows", job.M);
  if (job.M <= kFewRows || !has_bf16_products()) return few_rows(job, team);
  many_rows(job, team);
}

void panel_matmul_plain(const PanelMatmul& job) {
  const int64_t N = job.weight.N, K = job.weight.K, depth = job.weight.depth();
  for (int64_t i = 0; i < job.M * N; ++i) {
    const int64_t m = i / N, n = i % N;
    double sum = job.bias == nullptr ? 0.0 : job.bias[n];
    for (int64_t k = 0; k < K; ++k) {
      const int64_t at =
          n / kPanelWidth * kPanelWidth * depth + (k / kPairs * kPanelWidth + n % kPanelWidth) * kPairs + k % kPairs;
      sum += static_cast<double>(from_bf16(to_bf16(job.x[m * K + k]))) * from_bf16(job.weight.values[at]);
    }
    job.y[i] = static_cast<float>(sum);
  }
}

bool has_bf16_products() { return !onednn_bf16_instructions().empty(); }

}  // namespace magma
