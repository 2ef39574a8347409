#include "magma/kernel/bf16_panels.h"

#include <algorithm>
#include <array>
#include <vector>

#include "magma/core/check.h"
#include "magma/core/simd.h"
#include "magma/kernel/matmul.h"
#include "magma/kernel/onednn.h"

namespace magma {
namespace {

constexpr int64_t kPairs = 2;        // depths side by side
constexpr int64_t kChunkPanels = 4;  // of one task of oneDNN
constexpr int64_t kRowBlock = 128;   // rows of one task of oneDNN; the last block is filled up to kRowStep
constexpr int64_t kRowStep = 32;

using Word8 = uint32_t __attribute__((vector_size(32)));

MAGMA_INLINE Word8 load_words(const uint16_t* from) {
  Word8 value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

MAGMA_INLINE Float8 as_floats(Word8 words) {
  Float8 value;
  __builtin_memcpy(&value, &words, sizeof value);
  return value;
}

// Values of x rounded to bf16, rows filled up with zeros: [rows, depth].
struct Rounded {
  std::vector<uint16_t> values;
  int64_t depth = 0;
};

Rounded rounded(const PanelMatmul& job, int64_t rows, Team& team) {
  const int64_t K = job.weight.K, depth = job.weight.depth();
  Rounded result{std::vector<uint16_t>(static_cast<size_t>(rows * depth)), depth};
  team.run(job.M, [&](int64_t m) {
    for (int64_t k = 0; k < K; ++k) {
      result.values[static_cast<size_t>(m * depth + k)] = to_bf16(job.x[m * K + k]);
    }
  });
  return result;
}

struct PanelRows {
  const uint16_t* panel;
  const float* x;  // [rows, depth]
  int64_t depth;
  float* sums;  // [rows, 64]
};

// Eight outputs of `rows` rows: each sum runs along the depth alone.
template <int rows>
MAGMA_INLINE void add_eight(const PanelRows& job, int64_t output) {
  Float8 sums[rows] = {};
  for (int64_t k = 0; k < job.depth; k += kPairs) {
    const Word8 words = load_words(job.panel + (k * kPanelWidth) + output * kPairs);
    const Float8 even = as_floats(words << 16), odd = as_floats(words & 0xFFFF0000U);
    for (int r = 0; r < rows; ++r) {
      sums[r] += even * job.x[r * job.depth + k];
      sums[r] += odd * job.x[r * job.depth + k + 1];
    }
  }
  for (int r = 0; r < rows; ++r) store(job.sums + r * kPanelWidth + output, sums[r]);
}

}  // namespace

MAGMA_CPU_CLONES void panel_rows_4(const PanelRows& job) {
  for (int64_t output = 0; output < kPanelWidth; output += 8) add_eight<4>(job, output);
}

MAGMA_CPU_CLONES void panel_rows_1(const PanelRows& job) {
  for (int64_t output = 0; output < kPanelWidth; output += 8) add_eight<1>(job, output);
}

namespace {

void write_outputs(const PanelMatmul& job, int64_t m, int64_t n, const float* sums, int64_t count) {
  for (int64_t o = 0; o < std::min(count, job.weight.N - n); ++o) {
    job.y[m * job.weight.N + n + o] = sums[o] + (job.bias == nullptr ? 0.0F : job.bias[n + o]);
  }
}

void few_rows(const PanelMatmul& job, Team& team) {
  const Rounded x = rounded(job, job.M, team);
  std::vector<float> wide(x.values.size());
  std::transform(x.values.begin(), x.values.end(), wide.begin(), from_bf16);
  team.run(job.weight.panels(), [&](int64_t panel) {
    std::array<float, 4 * kPanelWidth> sums{};
    const uint16_t* values = job.weight.values + panel * kPanelWidth * x.depth;
    int64_t m = 0;
    while (m < job.M) {
      const int64_t rows = job.M - m >= 4 ? 4 : 1;
      const PanelRows part = {values, wide.data() + m * x.depth, x.depth, sums.data()};
      rows == 4 ? panel_rows_4(part) : panel_rows_1(part);
      for (int64_t r = 0; r < rows; ++r) {
        write_outputs(job, m + r, panel * kPanelWidth, sums.data() + r * kPanelWidth, kPanelWidth);
      }
      m += rows;
    }
  });
}

// Blocks of fixed sizes, each on one thread: what stands beside a row never decides how it is computed.
void many_rows(const PanelMatmul& job, Team& team) {
  const int64_t blocks = (job.M + kRowBlock - 1) / kRowBlock;
  const int64_t chunks = (job.weight.panels() + kChunkPanels - 1) / kChunkPanels;
  const Rounded x = rounded(job, blocks * kRowBlock, team);
  team.run(blocks * chunks, [&](int64_t i) {
    const int64_t m = i / chunks * kRowBlock, panel = i % chunks * kChunkPanels;
    const int64_t rows = std::min(kRowBlock, (job.M - m + kRowStep - 1) / kRowStep * kRowStep);
    const int64_t outputs = std::min(kChunkPanels, job.weight.panels() - panel) * kPanelWidth;
    thread_local std::vector<float> y;
    y.resize(static_cast<size_t>(kRowBlock * kChunkPanels * kPanelWidth));
    onednn_product({.M = rows,
                    .N = outputs,
                    .K = x.depth,
                    .x = x.values.data() + m * x.depth,
                    .panels = job.weight.values + panel * kPanelWidth * x.depth,
                    .y = y.data()});
    for (int64_t r = m; r < std::min(job.M, m + rows); ++r) {
      write_outputs(job, r, panel * kPanelWidth, y.data() + (r - m) * outputs, outputs);
    }
  });
}

}  // namespace

void pack_bf16_panels(const void* weight, NumberFormat format, const Bf16Panels& shape, uint16_t* values, Team& team) {
  const int64_t depth = shape.depth(), K = shape.K;
  team.run(shape.panels(), [&](int64_t panel) {
    uint16_t* to = values + panel * kPanelWidth * depth;
    const int64_t outputs = std::min(kPanelWidth, shape.N - panel * kPanelWidth);
    std::fill(to, to + kPanelWidth * depth, uint16_t{0});
    for (int64_t o = 0; o < outputs; ++o) {
      const int64_t row = (panel * kPanelWidth + o) * K;
      for (int64_t k = 0; k < K; ++k) {
        const uint16_t bits = format == NumberFormat::BF16 ? static_cast<const uint16_t*>(weight)[row + k]
                                                           : to_bf16(value_at(weight, format, row + k));
        to[(k / kPairs * kPanelWidth + o) * kPairs + k % kPairs] = bits;
      }
    }
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
