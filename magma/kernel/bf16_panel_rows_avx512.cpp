// AVX-512 BF16. Only functions with the attribute may use its instructions, so that the program starts anywhere.
#if defined(__x86_64__)
#include <cstring>
#include <iterator>

#include <immintrin.h>

#include "magma/core/simd.h"
#include "magma/kernel/bf16_panel_rows.h"

#define MAGMA_AVX512 __attribute__((target("avx512f,avx512bf16")))

namespace magma {
namespace {

constexpr int64_t kPairWeights = 128;          // of one pair of depths: 64 outputs, 2 depths
constexpr int64_t kAhead = 16 * kPairWeights;  // fetched early: a stream of the memory ends at each page of 4 KB

// All 64 outputs at once, so that the weights are read in order; each sum runs along the depth alone.
template <int rows>
MAGMA_AVX512 void add_rows(const PanelRows& job) {
  constexpr int kVectors = 4;
  __m512 sums[rows][kVectors];
  MAGMA_UNROLL
  for (int i = 0; i < rows * kVectors; ++i) sums[i / kVectors][i % kVectors] = _mm512_setzero_ps();
  const uint16_t* panel = job.panel;
  for (int64_t k = 0; k < job.depth; k += 2, panel += kPairWeights) {
    __m512bh weights[kVectors];
    MAGMA_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      _mm_prefetch(reinterpret_cast<const char*>(panel + kAhead + 32 * v), _MM_HINT_T0);
      weights[v] = (__m512bh)_mm512_loadu_si512(panel + 32 * v);
    }
    MAGMA_UNROLL
    for (int r = 0; r < rows; ++r) {
      int pair;
      std::memcpy(&pair, job.x + r * job.depth + k, sizeof pair);
      const auto x = (__m512bh)_mm512_set1_epi32(pair);
      MAGMA_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], x, weights[v]);
    }
  }
  MAGMA_UNROLL
  for (int i = 0; i < rows * kVectors; ++i) _mm512_storeu_ps(job.sums + 16 * i, sums[i / kVectors][i % kVectors]);
}

constexpr void (*kAddRows[])(const PanelRows&) = {nullptr, add_rows<1>, add_rows<2>, add_rows<3>, add_rows<4>};
static_assert(std::size(kAddRows) == kPanelRows + 1);

}  // namespace

void panel_rows_avx512(const PanelRows& job, int64_t rows) { kAddRows[rows](job); }

}  // namespace magma
#endif
