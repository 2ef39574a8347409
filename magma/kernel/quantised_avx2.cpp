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
constexpr int64_t kQuad = 4 * kPanel;   // bytes of four depths, or of eight in four bits
constexpr int64_t kAhead = 16 * kQuad;  // fetched early: a stream of the memory ends at each page of 4 KB
constexpr int64_t kLine = 64;

MAGMA_AVX2_INLINE __m256 load_half(const uint8_t* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

MAGMA_AVX2 void widen(const uint8_t* halves, int64_t count, float* values) {
  for (int64_t i = 0; i < count; i += 8) _mm256_storeu_ps(values + i, load_half(halves + 2 * i));
}

MAGMA_AVX2_INLINE __m256i load_codes(const uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

MAGMA_AVX2_INLINE __m256i four_codes(const int8_t* from) {
  int32_t four;
  std::memcpy(&four, from, sizeof four);
  return _mm256_set1_epi32(four);
}

MAGMA_AVX2_INLINE __m128i eight_bytes(const uint8_t* from) {
  return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
}

template <QuantisedKind kind>
constexpr bool kNibbles = kind != QuantisedKind::Int8;
template <QuantisedKind kind>
constexpr int64_t kDepthsOfLoad = kNibbles<kind> ? 8 : 4;
// Loads whose products add up in 16 bits: eight of codes to 15 with codes to 127, two each; two of codes to 63.
template <QuantisedKind kind>
constexpr int64_t kLoadsOfRun = kind == QuantisedKind::Int8  ? 8
                                : kind == QuantisedKind::Q6K ? 1
                                                             : 4;

// The rows of a tile and where their sums go. By value: what a store might change is not read again.
struct Rows {
  const int8_t* codes;  // of the part's first group
  int64_t depth;
  const float* scales;
  const int32_t* code_sums;
  int64_t groups;
  float* sums;
};

MAGMA_AVX2_INLINE Rows rows_of(const QuantisedTile& tile) {
  const int64_t first = tile.part.first_group;
  return {tile.x->codes(tile.row) + first * tile.x->group(),
          tile.x->depth(),
          tile.x->scales(tile.row) + first,
          tile.x->sums(tile.row) + first,
          tile.x->groups(),
          tile.sums};
}

// 32 bytes hold of eight outputs the codes of four depths and of the next four; of Int8 those of four depths alone,
// whose low and high halves are taken apart.
template <bool high_half>
MAGMA_AVX2_INLINE __m256i half_bytes(__m256i all) {
  const __m256i low = _mm256_set1_epi8(15);
  return _mm256_and_si256(high_half ? _mm256_srli_epi16(all, 4) : all, low);
}

// The high bits of Q6K: `quad` of the group's four; the group of 16 has them behind its two loads.
MAGMA_AVX2_INLINE __m256i high_bits(__m256i stored, int64_t quad) {
  const __m256i two = _mm256_set1_epi8(0x30);
  const __m256i moved = quad == 0   ? _mm256_slli_epi16(stored, 4)
                        : quad == 1 ? _mm256_slli_epi16(stored, 2)
                        : quad == 2 ? stored
                                    : _mm256_srli_epi16(stored, 2);
  return _mm256_and_si256(moved, two);
}

// Computed here and kept in a register: with the products of all rows moved to the front there are too few of them.
MAGMA_AVX2_INLINE void settle(__m256i& value) { asm volatile("" : "+x"(value)); }

// sums [rows, vectors] of 16 bits += products of four depths of each row with one half of the bytes at `from`.
template <int rows, int vectors, QuantisedKind kind, bool high_half>
MAGMA_AVX2_INLINE void add_half(const uint8_t* from, int64_t load, const int8_t* x, int64_t depth,
                                __m256i (&sums)[rows][vectors]) {
  __m256i codes[vectors];
  MAGMA_UNROLL
  for (int v = 0; v < vectors; ++v) {
    codes[v] = half_bytes<high_half>(load_codes(from + 32 * v));
    if constexpr (kind == QuantisedKind::Q6K) {
      const __m256i stored = load_codes(from + 32 * v + (2 - load) * kQuad);
      codes[v] = _mm256_or_si256(codes[v], high_bits(stored, 2 * load + (high_half ? 1 : 0)));
    }
  }
  MAGMA_UNROLL
  for (int r = 0; r < rows; ++r) {
    const __m256i four = four_codes(x + r * depth);
    MAGMA_UNROLL
    for (int v = 0; v < vectors; ++v) {
      sums[r][v] = _mm256_add_epi16(sums[r][v], _mm256_maddubs_epi16(codes[v], four));
      settle(sums[r][v]);
    }
  }
}

template <int rows, int vectors>
MAGMA_AVX2_INLINE void clear(__m256i (&sums)[rows][vectors]) {
  MAGMA_UNROLL
  for (int i = 0; i < rows * vectors; ++i) sums[i / vectors][i % vectors] = _mm256_setzero_si256();
}

// dots += factor * the sums of pairs.
template <int rows, int vectors>
MAGMA_AVX2_INLINE void widen_sums(const __m256i (&sums)[rows][vectors], int16_t factor,
                                  __m256i (&dots)[rows][vectors]) {
  MAGMA_UNROLL
  for (int i = 0; i < rows * vectors; ++i) {
    __m256i& dot = dots[i / vectors][i % vectors];
    dot = _mm256_add_epi32(dot, _mm256_madd_epi16(sums[i / vectors][i % vectors], _mm256_set1_epi16(factor)));
  }
}

// Exact sums of one group's products for eight outputs a vector; `from`: the codes of the first of them, `x`: those of
// the group's first depth.
template <int rows, int vectors, QuantisedKind kind>
MAGMA_AVX2_INLINE void group_dots(const uint8_t* from, const int8_t* x, int64_t depth, int64_t group,
                                  __m256i (&dots)[rows][vectors]) {
  const int64_t loads = group / kDepthsOfLoad<kind>;
  for (int64_t load = 0; load < loads; load += kLoadsOfRun<kind>) {
    __m256i sums[rows][vectors];
    clear<rows, vectors>(sums);
    for (int64_t i = load; i < load + kLoadsOfRun<kind>; ++i) {
      const int8_t* at = x + i * kDepthsOfLoad<kind>;
      add_half<rows, vectors, kind, false>(from + i * kQuad, i, at, depth, sums);
      if constexpr (kNibbles<kind>) add_half<rows, vectors, kind, true>(from + i * kQuad, i, at + 4, depth, sums);
    }
    widen_sums<rows, vectors>(sums, 1, dots);
    if constexpr (kNibbles<kind>) continue;
    clear<rows, vectors>(sums);
    for (int64_t i = load; i < load + kLoadsOfRun<kind>; ++i) {
      add_half<rows, vectors, kind, true>(from + i * kQuad, i, x + i * kDepthsOfLoad<kind>, depth, sums);
    }
    widen_sums<rows, vectors>(sums, 16, dots);
  }
}

// Where a group's numbers are: scales and offsets of a super block, and its own, of output 0.
struct GroupScales {
  const uint8_t* head;
  const uint8_t* stored;
};

template <QuantisedKind kind>
MAGMA_AVX2_INLINE __m256 scales_at(const GroupScales& from, int64_t output) {
  if constexpr (kind == QuantisedKind::Q4K || kind == QuantisedKind::Q6K) {
    const __m128i bytes = eight_bytes(from.stored + output);
    const __m256i whole = kind == QuantisedKind::Q4K ? _mm256_cvtepu8_epi32(bytes) : _mm256_cvtepi8_epi32(bytes);
    return _mm256_mul_ps(load_half(from.head + 2 * output), _mm256_cvtepi32_ps(whole));
  }
  return load_half(from.stored + 2 * output);
}

template <QuantisedKind kind>
MAGMA_AVX2_INLINE __m256 offsets_at(const GroupScales& from, int64_t output) {
  if constexpr (kind == QuantisedKind::Q4K) {
    const __m256 whole = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(eight_bytes(from.stored + kPanel + output)));
    const __m256 factor = load_half(from.head + 2 * (kPanel + output));
    return _mm256_mul_ps(_mm256_sub_ps(_mm256_setzero_ps(), factor), whole);
  }
  return load_half(from.stored + 2 * (kPanel + output));
}

// `g`: of the part.
template <int rows, int vectors, QuantisedKind kind>
MAGMA_AVX2_INLINE void add_group(const Rows& x, int64_t g, int64_t group, const GroupScales& from, int64_t output) {
  __m256i dots[rows][vectors];
  MAGMA_UNROLL
  for (int i = 0; i < rows * vectors; ++i) {
    const auto zero = static_cast<int32_t>(zero_code(kind));
    dots[i / vectors][i % vectors] = _mm256_set1_epi32(-zero * x.code_sums[i / vectors * x.groups + g]);
  }
  const uint8_t* codes = from.stored + bytes_before_codes({kind, group}) + 4 * output;
  group_dots<rows, vectors, kind>(codes, x.codes + g * group, x.depth, group, dots);
  MAGMA_UNROLL
  for (int v = 0; v < vectors; ++v) {
    const int64_t at = output + 8 * v;
    const __m256 scales = scales_at<kind>(from, at);
    const __m256 offsets = has_offsets(kind) ? offsets_at<kind>(from, at) : scales;
    MAGMA_UNROLL
    for (int r = 0; r < rows; ++r) {
      float* to = x.sums + r * kPanel + at;
      const float scale = x.scales[r * x.groups + g];
      const __m256 factors = _mm256_mul_ps(scales, _mm256_set1_ps(scale));
      __m256 sums = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[r][v]), factors, _mm256_loadu_ps(to));
      if constexpr (has_offsets(kind)) {
        const float sum = scale * static_cast<float>(x.code_sums[r * x.groups + g]);
        sums = _mm256_fmadd_ps(offsets, _mm256_set1_ps(sum), sums);
      }
      _mm256_storeu_ps(to, sums);
    }
  }
}

// Sums in 16 bits of so many outputs as the registers hold.
template <int rows, QuantisedKind kind>
MAGMA_AVX2 void packed_rows(const QuantisedTile& tile) {
  constexpr int kVectors = rows == 1 ? 8 : rows <= 3 ? 4 : 2;
  constexpr int64_t kSuper = groups_of_super_block(kind), kHead = super_block_bytes(kind);
  const int64_t group = tile.x->group(), first = tile.part.first_group, last = tile.part.last_group;
  const QuantisedFormat format{kind, group};
  const int64_t group_bytes = bytes_before_codes(format) + code_bytes_of_group(format);
  const uint8_t* panel = tile.part.matrix->panel(tile.part.panel);
  const Rows x = rows_of(tile);
  for (int64_t g = first; g < last; ++g) {
    const uint8_t* stored = panel + group_position(format, g);
    const GroupScales scales = {panel + group_position(format, g / kSuper * kSuper) - kHead, stored};
    for (int64_t line = 0; rows <= kTileRows / 2 && line < group_bytes; line += kLine) {
      _mm_prefetch(reinterpret_cast<const char*>(stored + kAhead + line), _MM_HINT_T0);
    }
    for (int64_t output = 0; output < kPanel; output += 8 * kVectors) {
      add_group<rows, kVectors, kind>(x, g - first, group, scales, output);
    }
  }
}

struct PackedRows {
  template <int rows, QuantisedKind kind>
  static constexpr PackedFunction of = packed_rows<rows, kind>;
};

}  // namespace

const QuantisedKernels kAvx2Quantised = {nullptr, packed_of<PackedRows>, widen, quantise_group};

}  // namespace magma
#endif
