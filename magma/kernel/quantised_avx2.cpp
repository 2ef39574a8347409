// AVX2 with FMA. Only functions with the attribute may use its instructions, so that the program starts anywhere.
#if defined(__x86_64__)
#include <cstring>

#include <immintrin.h>

#include "magma/core/simd.h"
#include "magma/kernel/quantised_kernels.h"

#define MAGMA_AVX2 __attribute__((target("avx2,fma,f16c")))
#define MAGMA_AVX2_INLINE __attribute__((target("avx2,fma,f16c"), always_inline)) inline

namespace magma {
namespace {

constexpr int64_t kPanel = kQuantisedPanel;
constexpr int kVectors = 2;            // of 8 outputs, in one pass over the depths
constexpr int64_t kQuad = 4 * kPanel;  // bytes of four depths

MAGMA_AVX2 void widen(const uint8_t* halves, int64_t count, float* values) {
  for (int64_t i = 0; i < count; i += 8) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(halves + 2 * i));
    _mm256_storeu_ps(values + i, _mm256_cvtph_ps(half));
  }
}

// Products of four codes of a row with those of 8 outputs, exact: even and odd depths in 16 bits each.
struct FourCodes {
  __m256i even, odd;
};

MAGMA_AVX2_INLINE FourCodes four_codes(const int8_t* from) {
  int32_t four;
  std::memcpy(&four, from, sizeof four);
  const __m256i all = _mm256_set1_epi32(four);
  return {_mm256_srai_epi16(_mm256_slli_epi16(all, 8), 8), _mm256_srai_epi16(all, 8)};
}

template <int rows>
MAGMA_AVX2 void sixteen_outputs(const QuantisedTile& tile, const UnpackedGroups& groups, int64_t output) {
  const QuantisedFormat format = tile.part.matrix->format;
  const auto zero = static_cast<int32_t>(zero_code(format.kind));
  const __m256i low = _mm256_set1_epi16(255);
  __m256 sums[rows][kVectors];
  MAGMA_UNROLL
  for (int i = 0; i < rows * kVectors; ++i) {
    sums[i / kVectors][i % kVectors] = _mm256_loadu_ps(tile.sums + i / kVectors * kPanel + output + i % kVectors * 8);
  }
  const uint8_t* codes = groups.codes + 4 * output;
  for (int64_t g = tile.part.first_group; g < tile.part.last_group; ++g) {
    const int64_t at = (g - tile.part.first_group) * kPanel + output;
    __m256i dots[rows][kVectors];
    const int8_t* x[rows];
    MAGMA_UNROLL
    for (int r = 0; r < rows; ++r) {
      x[r] = tile.x->codes(tile.row + r) + g * format.group;
      MAGMA_UNROLL
      for (int v = 0; v < kVectors; ++v) dots[r][v] = _mm256_set1_epi32(-zero * tile.x->sums(tile.row + r)[g]);
    }
    for (int64_t k = 0; k < format.group; k += 4, codes += kQuad) {
      __m256i even[kVectors], odd[kVectors];
      MAGMA_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        const __m256i all = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + 32 * v));
        even[v] = _mm256_and_si256(all, low);
        odd[v] = _mm256_srli_epi16(all, 8);
      }
      MAGMA_UNROLL
      for (int r = 0; r < rows; ++r) {
        const FourCodes four = four_codes(x[r] + k);
        MAGMA_UNROLL
        for (int v = 0; v < kVectors; ++v) {
          const __m256i two =
              _mm256_add_epi32(_mm256_madd_epi16(even[v], four.even), _mm256_madd_epi16(odd[v], four.odd));
          dots[r][v] = _mm256_add_epi32(dots[r][v], two);
        }
      }
    }
    MAGMA_UNROLL
    for (int r = 0; r < rows; ++r) {
      const float scale = tile.x->scales(tile.row + r)[g];
      const float sum = scale * static_cast<float>(tile.x->sums(tile.row + r)[g]);
      MAGMA_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        const __m256 scales = _mm256_mul_ps(_mm256_loadu_ps(groups.scales + at + 8 * v), _mm256_set1_ps(scale));
        sums[r][v] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[r][v]), scales, sums[r][v]);
        if (groups.offsets == nullptr) continue;
        sums[r][v] = _mm256_fmadd_ps(_mm256_loadu_ps(groups.offsets + at + 8 * v), _mm256_set1_ps(sum), sums[r][v]);
      }
    }
  }
  MAGMA_UNROLL
  for (int i = 0; i < rows * kVectors; ++i) {
    _mm256_storeu_ps(tile.sums + i / kVectors * kPanel + output + i % kVectors * 8, sums[i / kVectors][i % kVectors]);
  }
}

void unpacked(const QuantisedTile& tile, int64_t rows, const UnpackedGroups& groups) {
  for (int64_t r = 0; r < rows; r += 3) {
    QuantisedTile three = tile;
    three.row += r;
    three.sums += r * kPanel;
    for (int64_t output = 0; output < kPanel; output += 8 * kVectors) {
      if (rows - r == 1) sixteen_outputs<1>(three, groups, output);
      if (rows - r == 2) sixteen_outputs<2>(three, groups, output);
      if (rows - r >= 3) sixteen_outputs<3>(three, groups, output);
    }
  }
}

}  // namespace

const QuantisedKernels kAvx2Quantised = {unpacked, nullptr, widen, quantise_group};

}  // namespace magma
#endif
