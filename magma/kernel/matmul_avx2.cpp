// AVX2 with FMA. Only functions with the attribute may use its instructions, so that the program starts anywhere.
#if defined(__x86_64__)
#include <cstring>

#include <immintrin.h>

#include "magma/core/simd.h"
#include "magma/kernel/matmul_kernels.h"

#define MAGMA_AVX2 __attribute__((target("avx2,fma,f16c")))
#define MAGMA_AVX2_INLINE __attribute__((target("avx2,fma,f16c"), always_inline)) inline

namespace magma {
namespace {

template <NumberFormat format>
MAGMA_AVX2_INLINE __m256 load_weights(const void* weight, int64_t at) {
  if constexpr (format == NumberFormat::F32) return _mm256_loadu_ps(static_cast<const float*>(weight) + at);
  const auto* halves = reinterpret_cast<const __m128i*>(static_cast<const uint16_t*>(weight) + at);
  if constexpr (format == NumberFormat::F16) return _mm256_cvtph_ps(_mm_loadu_si128(halves));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(halves)), 16));
}

template <NumberFormat format>
MAGMA_AVX2_INLINE void fetch_ahead(const void* weight, int64_t at) {
  constexpr int64_t kBytes = format == NumberFormat::F32 ? 4 : 2;
  _mm_prefetch(static_cast<const char*>(weight) + at * kBytes, _MM_HINT_T0);
}

MAGMA_AVX2_INLINE float total(__m256 lanes) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}

// `rows` x `outputs` dot products; each is one vector of sums along k, whatever the numbers of its neighbours.
template <NumberFormat format, int rows, int outputs>
MAGMA_AVX2 void dots(const Matmul& job, int64_t m, int64_t n) {
  __m256 sums[rows][outputs];
  MAGMA_UNROLL
  for (int i = 0; i < rows * outputs; ++i) sums[i / outputs][i % outputs] = _mm256_setzero_ps();
  // Short rows: the lines of the next outputs are fetched meanwhile; long ones: lines further on in the same rows.
  constexpr int64_t kFarLine = 512;
  const int64_t ahead = outputs * job.K <= 16 * kFarLine ? outputs * job.K : kFarLine;
  const auto add = [&](int64_t k) __attribute__((always_inline, target("avx2,fma,f16c"))) {
    __m256 w[outputs];
    MAGMA_UNROLL
    for (int o = 0; o < outputs; ++o) w[o] = load_weights<format>(job.weight, (n + o) * job.K + k);
    MAGMA_UNROLL
    for (int r = 0; r < rows; ++r) {
      const __m256 x = _mm256_loadu_ps(job.x + (m + r) * job.K + k);
      MAGMA_UNROLL
      for (int o = 0; o < outputs; ++o) sums[r][o] = _mm256_fmadd_ps(x, w[o], sums[r][o]);
    }
  };
  int64_t k = 0;
  for (; k + 32 <= job.K; k += 32) {
    MAGMA_UNROLL
    for (int o = 0; o < outputs; ++o) fetch_ahead<format>(job.weight, (n + o) * job.K + k + ahead);
    MAGMA_UNROLL
    for (int step = 0; step < 4; ++step) add(k + 8 * step);
  }
  for (; k + 8 <= job.K; k += 8) add(k);
  MAGMA_UNROLL
  for (int r = 0; r < rows; ++r) {
    MAGMA_UNROLL
    for (int o = 0; o < outputs; ++o) {
      float value = total(sums[r][o]);
      for (int64_t tail = k; tail < job.K; ++tail) {
        value += job.x[(m + r) * job.K + tail] * value_at<format>(job.weight, (n + o) * job.K + tail);
      }
      job.y[(m + r) * job.N + n + o] = value + (job.bias == nullptr ? 0.0F : job.bias[n + o]);
    }
  }
}

template <NumberFormat format, int outputs>
MAGMA_AVX2 void all_rows(const Matmul& job, OutputRange part, int64_t n) {
  constexpr int kRows = outputs > 2 ? 2 : 4;
  int64_t m = part.m_begin;
  if (part.m_end - m > 1) {
    for (; m + kRows <= part.m_end; m += kRows) dots<format, kRows, outputs>(job, m, n);
  }
  for (; m < part.m_end; ++m) dots<format, 1, outputs>(job, m, n);
}

template <NumberFormat format>
MAGMA_AVX2 void few_rows(const Matmul& job, OutputRange part) {
  int64_t n = part.n_begin;
  for (; n + 4 <= part.n_end; n += 4) all_rows<format, 4>(job, part, n);
  for (; n < part.n_end; ++n) all_rows<format, 1>(job, part, n);
}

MAGMA_AVX2_INLINE void transpose(__m256 (&v)[8]) {
  __m256 a[8], b[8];
  MAGMA_UNROLL
  for (int i = 0; i < 4; ++i) {
    a[2 * i] = _mm256_unpacklo_ps(v[2 * i], v[2 * i + 1]);
    a[2 * i + 1] = _mm256_unpackhi_ps(v[2 * i], v[2 * i + 1]);
  }
  MAGMA_UNROLL
  for (int i = 0; i < 2; ++i) {
    b[4 * i] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0x44);
    b[4 * i + 1] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0xEE);
    b[4 * i + 2] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0x44);
    b[4 * i + 3] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0xEE);
  }
  MAGMA_UNROLL
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
    v[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
  }
}

// Weights of outputs n .. n + 15 at depths k .. k + depth -> panel [depth, 16]; outputs beyond `n_end` are zero.
template <NumberFormat format>
MAGMA_AVX2 void unpack(const Matmul& job, int64_t n, int64_t n_end, int64_t k, int64_t depth, float* panel) {
  for (int64_t half = 0; half < kPanelOutputs; half += 8) {
    const int64_t outputs = n_end - n - half;
    int64_t d = 0;
    for (; outputs >= 8 && d + 8 <= depth; d += 8) {
      __m256 block[8];
      MAGMA_UNROLL
      for (int o = 0; o < 8; ++o) block[o] = load_weights<format>(job.weight, (n + half + o) * job.K + k + d);
      transpose(block);
      MAGMA_UNROLL
      for (int i = 0; i < 8; ++i) _mm256_storeu_ps(panel + (d + i) * kPanelOutputs + half, block[i]);
    }
    for (; d < depth; ++d) {
      for (int64_t o = 0; o < 8; ++o) {
        panel[d * kPanelOutputs + half + o] =
            o < outputs ? value_at<format>(job.weight, (n + half + o) * job.K + k + d) : 0.0F;
      }
    }
  }
}

// Rows of x that lie a power of two apart would push each other out of the first cache: they are copied together.
constexpr int64_t kRowStride = kPanelDepth + 16;

struct Tile {
  const float* x;  // rows kRowStride apart, from the depth where the panel starts
  const float* panel;
  int64_t depth;
  float* y;
  int64_t y_stride;
};

template <int rows>
MAGMA_AVX2 void add_tile(const Tile& tile) {
  __m256 sums[rows][2];
  MAGMA_UNROLL
  for (int r = 0; r < rows; ++r) {
    sums[r][0] = _mm256_loadu_ps(tile.y + r * tile.y_stride);
    sums[r][1] = _mm256_loadu_ps(tile.y + r * tile.y_stride + 8);
  }
  const float *panel = tile.panel, *x = tile.x, *const end = x + tile.depth;
  for (; x < end; ++x, panel += kPanelOutputs) {
    const __m256 low = _mm256_loadu_ps(panel), high = _mm256_loadu_ps(panel + 8);
    MAGMA_UNROLL
    for (int r = 0; r < rows; ++r) {
      const __m256 value = _mm256_broadcast_ss(x + r * kRowStride);
      sums[r][0] = _mm256_fmadd_ps(value, low, sums[r][0]);
      sums[r][1] = _mm256_fmadd_ps(value, high, sums[r][1]);
    }
  }
  MAGMA_UNROLL
  for (int r = 0; r < rows; ++r) {
    _mm256_storeu_ps(tile.y + r * tile.y_stride, sums[r][0]);
    _mm256_storeu_ps(tile.y + r * tile.y_stride + 8, sums[r][1]);
  }
}

constexpr int64_t kTileRows = 6;
constexpr void (*kAddTile[])(const Tile&) = {nullptr,     add_tile<1>, add_tile<2>, add_tile<3>,
                                             add_tile<4>, add_tile<5>, add_tile<6>};

// A tile at the right edge, where a full one would write beyond the row, goes through a buffer.
MAGMA_AVX2 void add_edge_tile(Tile tile, int64_t rows, int64_t outputs) {
  float buffer[kTileRows * kPanelOutputs] = {};
  float* const y = tile.y;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t o = 0; o < outputs; ++o) buffer[r * kPanelOutputs + o] = y[r * tile.y_stride + o];
  }
  const int64_t stride = tile.y_stride;
  tile.y = buffer;
  tile.y_stride = kPanelOutputs;
  kAddTile[rows](tile);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t o = 0; o < outputs; ++o) y[r * stride + o] = buffer[r * kPanelOutputs + o];
  }
}

MAGMA_AVX2 void start_with_bias(const Matmul& job, OutputRange part) {
  for (int64_t m = part.m_begin; m < part.m_end; ++m) {
    for (int64_t n = part.n_begin; n < part.n_end; ++n) {
      job.y[m * job.N + n] = job.bias == nullptr ? 0.0F : job.bias[n];
    }
  }
}

MAGMA_AVX2 void add_panels(const Matmul& job, OutputRange part, int64_t k, int64_t depth, const float* panels) {
  alignas(64) float x[kTileRows * kRowStride];
  for (int64_t m = part.m_begin; m < part.m_end; m += kTileRows) {
    const int64_t rows = m + kTileRows <= part.m_end ? kTileRows : part.m_end - m;
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(x + r * kRowStride, job.x + (m + r) * job.K + k, static_cast<size_t>(depth) * sizeof(float));
    }
    for (int64_t n = part.n_begin; n < part.n_end; n += kPanelOutputs) {
      const float* panel = panels + (n - part.n_begin) * kPanelDepth;
      const Tile tile = {x, panel, depth, job.y + m * job.N + n, job.N};
      if (n + kPanelOutputs <= part.n_end) {
        kAddTile[rows](tile);
      } else {
        add_edge_tile(tile, rows, part.n_end - n);
      }
    }
  }
}

template <NumberFormat format>
MAGMA_AVX2 void many_rows(const Matmul& job, OutputRange part, float* panels) {
  start_with_bias(job, part);
  for (int64_t k = 0; k < job.K; k += kPanelDepth) {
    const int64_t depth = k + kPanelDepth <= job.K ? kPanelDepth : job.K - k;
    for (int64_t n = part.n_begin; n < part.n_end; n += kPanelOutputs) {
      unpack<format>(job, n, part.n_end, k, depth, panels + (n - part.n_begin) * kPanelDepth);
    }
    add_panels(job, part, k, depth, panels);
  }
}

void few(const Matmul& job, OutputRange part) {
  if (job.format == NumberFormat::F32) return few_rows<NumberFormat::F32>(job, part);
  if (job.format == NumberFormat::BF16) return few_rows<NumberFormat::BF16>(job, part);
  few_rows<NumberFormat::F16>(job, part);
}

void many(const Matmul& job, OutputRange part, float* panels) {
  if (job.format == NumberFormat::F32) return many_rows<NumberFormat::F32>(job, part, panels);
  if (job.format == NumberFormat::BF16) return many_rows<NumberFormat::BF16>(job, part, panels);
  many_rows<NumberFormat::F16>(job, part, panels);
}

MAGMA_AVX2 double multiply_adds(int64_t rounds) {
  constexpr int kRegisters = 12;
  __m256 sums[kRegisters];
  MAGMA_UNROLL
  for (int i = 0; i < kRegisters; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 half = _mm256_set1_ps(0.5F), one = _mm256_set1_ps(1.0F);
  for (int64_t i = 0; i < rounds; ++i) {
    MAGMA_UNROLL
    for (int r = 0; r < kRegisters; ++r) sums[r] = _mm256_fmadd_ps(sums[r], half, one);
  }
  float all = 0;
  MAGMA_UNROLL
  for (int i = 0; i < kRegisters; ++i) all += total(sums[i]);
  return all > 0 ? 16.0 * kRegisters * static_cast<double>(rounds) : 0.0;
}

}  // namespace

const MatmulKernels kAvx2Matmul = {few, many, multiply_adds};

}  // namespace magma
#endif
