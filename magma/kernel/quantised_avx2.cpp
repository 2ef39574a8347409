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
constexpr int64_t kNibbleBits = 4;

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

// What 32 bytes hold of eight outputs: the codes of four depths and of the next four; of Int8 of four depths alone,
// their low and their high half.
struct Codes {
  __m256i first, second;
};

// `load`: of the group; `from`: there.
template <QuantisedKind kind>
MAGMA_AVX2_INLINE Codes codes_at(const uint8_t* from, int64_t load) {
  const __m256i low = _mm256_set1_epi8(15), all = load_codes(from);
  Codes codes = {_mm256_and_si256(all, low), _mm256_and_si256(_mm256_srli_epi16(all, 4), low)};
  if constexpr (kind == QuantisedKind::Q6K) {
    // The high bits of the group of 16 stand behind its two loads.
    const __m256i two = _mm256_set1_epi8(0x30), high = load_codes(from + (2 - load) * kQuad);
    const __m256i a = load == 0 ? _mm256_slli_epi16(high, 4) : high;
    const __m256i b = load == 0 ? _mm256_slli_epi16(high, 2) : _mm256_srli_epi16(high, 2);
    codes.first = _mm256_or_si256(codes.first, _mm256_and_si256(a, two));
    codes.second = _mm256_or_si256(codes.second, _mm256_and_si256(b, two));
  }
  return codes;
}

// Eight outputs each: products of codes in 16 bits, those of Int8 with the low and the high halves apart.
template <int rows, int vectors>
struct RunSums {
  __m256i low[rows][vectors], high[rows][vectors];
};

// Computed here and kept in a register: with the products of all rows moved to the front there are too few of them.
MAGMA_AVX2_INLINE void settle(__m256i& value) { asm volatile("" : "+x"(value)); }

template <int rows, int vectors, QuantisedKind kind>
MAGMA_AVX2_INLINE void add_load(const uint8_t* from, int64_t load, const int8_t* x, int64_t stride,
                                RunSums<rows, vectors>& sums) {
  Codes codes[vectors];
  MAGMA_UNROLL
  for (int v = 0; v < vectors; ++v) codes[v] = codes_at<kind>(from + 32 * v, load);
  MAGMA_UNROLL
  for (int r = 0; r < rows; ++r) {
    const __m256i four = four_codes(x + r * stride);
    const __m256i next = kNibbles<kind> ? four_codes(x + r * stride + 4) : four;
    MAGMA_UNROLL
    for (int v = 0; v < vectors; ++v) {
      __m256i& second = kNibbles<kind> ? sums.low[r][v] : sums.high[r][v];
      sums.low[r][v] = _mm256_add_epi16(sums.low[r][v], _mm256_maddubs_epi16(codes[v].first, four));
      settle(sums.low[r][v]);
      second = _mm256_add_epi16(second, _mm256_maddubs_epi16(codes[v].second, next));
      settle(second);
    }
  }
}

// Exact sums of one group's products for eight outputs a vector; `from`: the codes of the first of them.
template <int rows, int vectors, QuantisedKind kind>
MAGMA_AVX2_INLINE void group_dots(const QuantisedTile& tile, int64_t g, const uint8_t* from,
                                  __m256i (&dots)[rows][vectors]) {
  const int64_t group = tile.x->group(), stride = tile.x->depth();
  const int8_t* x = tile.x->codes(tile.row) + g * group;
  MAGMA_UNROLL
  for (int r = 0; r < rows; ++r) {
    const auto zero = static_cast<int32_t>(zero_code(kind));
    MAGMA_UNROLL
    for (int v = 0; v < vectors; ++v) dots[r][v] = _mm256_set1_epi32(-zero * tile.x->sums(tile.row + r)[g]);
  }
  const __m256i one = _mm256_set1_epi16(1), sixteen = _mm256_set1_epi16(16);
  const int64_t loads = group / kDepthsOfLoad<kind>;
  for (int64_t load = 0; load < loads;) {
    RunSums<rows, vectors> sums;
    MAGMA_UNROLL
    for (int i = 0; i < rows * vectors; ++i) {
      sums.low[i / vectors][i % vectors] = _mm256_setzero_si256();
      sums.high[i / vectors][i % vectors] = _mm256_setzero_si256();
    }
    for (const int64_t end = load + kLoadsOfRun<kind>; load < end; ++load) {
      add_load<rows, vectors, kind>(from + load * kQuad, load, x + load * kDepthsOfLoad<kind>, stride, sums);
    }
    MAGMA_UNROLL
    for (int i = 0; i < rows * vectors; ++i) {
      const int r = i / vectors, v = i % vectors;
      dots[r][v] = _mm256_add_epi32(dots[r][v], _mm256_madd_epi16(sums.low[r][v], one));
      if constexpr (kNibbles<kind>) continue;
      dots[r][v] = _mm256_add_epi32(dots[r][v], _mm256_madd_epi16(sums.high[r][v], sixteen));
    }
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

template <int rows, int vectors, QuantisedKind kind>
MAGMA_AVX2_INLINE void add_group(const QuantisedTile& tile, int64_t g, const GroupScales& from, int64_t output) {
  __m256i dots[rows][vectors];
  const int64_t before = bytes_before_codes({kind, tile.x->group()});
  group_dots<rows, vectors, kind>(tile, g, from.stored + before + 4 * output, dots);
  MAGMA_UNROLL
  for (int v = 0; v < vectors; ++v) {
    const int64_t at = output + 8 * v;
    const __m256 scales = scales_at<kind>(from, at);
    const __m256 offsets = has_offsets(kind) ? offsets_at<kind>(from, at) : scales;
    MAGMA_UNROLL
    for (int r = 0; r < rows; ++r) {
      float* to = tile.sums + r * kPanel + at;
      const float scale = tile.x->scales(tile.row + r)[g];
      const __m256 factors = _mm256_mul_ps(scales, _mm256_set1_ps(scale));
      __m256 sums = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[r][v]), factors, _mm256_loadu_ps(to));
      if constexpr (has_offsets(kind)) {
        const float sum = scale * static_cast<float>(tile.x->sums(tile.row + r)[g]);
        sums = _mm256_fmadd_ps(offsets, _mm256_set1_ps(sum), sums);
      }
      _mm256_storeu_ps(to, sums);
    }
  }
}

// Sums in 16 bits of so many outputs as the registers hold.
template <int rows, QuantisedKind kind>
MAGMA_AVX2 void packed_rows(const QuantisedTile& tile) {
  constexpr int kWide = rows == 1 ? 8 : rows <= 3 ? 4 : 2;
  constexpr int kVectors = kNibbles<kind> ? kWide : kWide / 2;
  constexpr int64_t kSuper = groups_of_super_block(kind), kHead = super_block_bytes(kind);
  const QuantisedFormat format{kind, tile.x->group()};
  const int64_t group_bytes = bytes_before_codes(format) + code_bytes_of_group(format);
  const uint8_t* panel = tile.part.matrix->panel(tile.part.panel);
  for (int64_t g = tile.part.first_group; g < tile.part.last_group; ++g) {
    const uint8_t* stored = panel + group_position(format, g);
    const GroupScales scales = {panel + group_position(format, g / kSuper * kSuper) - kHead, stored};
    for (int64_t line = 0; line < group_bytes; line += kLine) {
      _mm_prefetch(reinterpret_cast<const char*>(stored + kAhead + line), _MM_HINT_T0);
    }
    for (int64_t output = 0; output < kPanel; output += 8 * kVectors) {
      add_group<rows, kVectors, kind>(tile, g, scales, output);
    }
  }
}

// Codes of more than four bits for many rows: products of 16-bit codes add up in 32 bits by themselves. Rows are
// widened first, four depths in the order 0, 2, 1, 3: even and odd bytes of unpacked codes are pairs of 16 bits.
struct WideRows {
  alignas(32) int16_t codes[kTileRows][kUnpackedDepth];
};

MAGMA_AVX2 void widen_codes(const QuantisedTile& tile, int64_t rows, WideRows& wide) {
  const __m128i order = _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
  const int64_t group = tile.x->group(), depth = (tile.part.last_group - tile.part.first_group) * group;
  for (int64_t r = 0; r < rows; ++r) {
    const int8_t* x = tile.x->codes(tile.row + r) + tile.part.first_group * group;
    for (int64_t k = 0; k < depth; k += 16) {
      const __m128i sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + k));
      const __m256i widened = _mm256_cvtepi8_epi16(_mm_shuffle_epi8(sixteen, order));
      _mm256_store_si256(reinterpret_cast<__m256i*>(wide.codes[r] + k), widened);
    }
  }
}

MAGMA_AVX2_INLINE __m256i two_codes(const int16_t* from) {
  int32_t two;
  std::memcpy(&two, from, sizeof two);
  return _mm256_set1_epi32(two);
}

constexpr int kWideVectors = 2;  // of 8 outputs, in one pass over the depths
constexpr int64_t kWideRows = 3;

// dots [rows, 2] += the products of two depths.
template <int rows>
MAGMA_AVX2_INLINE void add_pairs(const __m256i (&weights)[kWideVectors], const int16_t* x,
                                 __m256i (&dots)[rows][kWideVectors]) {
  MAGMA_UNROLL
  for (int r = 0; r < rows; ++r) {
    const __m256i two = two_codes(x + r * kUnpackedDepth);
    MAGMA_UNROLL
    for (int v = 0; v < kWideVectors; ++v) {
      dots[r][v] = _mm256_add_epi32(dots[r][v], _mm256_madd_epi16(weights[v], two));
    }
  }
}

template <int rows>
MAGMA_AVX2_INLINE void wide_dots(const uint8_t* codes, const int16_t* x, int64_t group,
                                 __m256i (&dots)[rows][kWideVectors]) {
  const __m256i low = _mm256_set1_epi16(255);
  for (int64_t k = 0; k < group; k += 4, codes += kQuad, x += 4) {
    __m256i weights[kWideVectors];
    MAGMA_UNROLL
    for (int v = 0; v < kWideVectors; ++v) weights[v] = _mm256_and_si256(load_codes(codes + 32 * v), low);
    add_pairs<rows>(weights, x, dots);
    MAGMA_UNROLL
    for (int v = 0; v < kWideVectors; ++v) weights[v] = _mm256_srli_epi16(load_codes(codes + 32 * v), 8);
    add_pairs<rows>(weights, x + 2, dots);
  }
}

// Sixteen outputs of some rows; `x`: the widened codes of the first row.
template <int rows>
MAGMA_AVX2 void sixteen_outputs(const QuantisedTile& tile, const int16_t* x, const UnpackedGroups& groups,
                                int64_t output) {
  const int64_t group = tile.x->group();
  const auto zero = static_cast<int32_t>(zero_code(tile.part.matrix->format.kind));
  __m256 sums[rows][kWideVectors];
  MAGMA_UNROLL
  for (int i = 0; i < rows * kWideVectors; ++i) {
    const int r = i / kWideVectors, v = i % kWideVectors;
    sums[r][v] = _mm256_loadu_ps(tile.sums + r * kPanel + output + 8 * v);
  }
  for (int64_t g = tile.part.first_group; g < tile.part.last_group; ++g) {
    const int64_t at = g - tile.part.first_group;
    __m256i dots[rows][kWideVectors];
    MAGMA_UNROLL
    for (int i = 0; i < rows * kWideVectors; ++i) {
      const int r = i / kWideVectors;
      dots[r][i % kWideVectors] = _mm256_set1_epi32(-zero * tile.x->sums(tile.row + r)[g]);
    }
    wide_dots<rows>(groups.codes + at * group * kPanel + 4 * output, x + at * group, group, dots);
    MAGMA_UNROLL
    for (int i = 0; i < rows * kWideVectors; ++i) {
      const int r = i / kWideVectors, v = i % kWideVectors;
      const __m256 scales = _mm256_loadu_ps(groups.scales + at * kPanel + output + 8 * v);
      const __m256 factors = _mm256_mul_ps(scales, _mm256_set1_ps(tile.x->scales(tile.row + r)[g]));
      sums[r][v] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[r][v]), factors, sums[r][v]);
    }
  }
  MAGMA_UNROLL
  for (int i = 0; i < rows * kWideVectors; ++i) {
    const int r = i / kWideVectors, v = i % kWideVectors;
    _mm256_storeu_ps(tile.sums + r * kPanel + output + 8 * v, sums[r][v]);
  }
}

MAGMA_AVX2 void unpacked(const QuantisedTile& tile, int64_t rows, const UnpackedGroups& groups) {
  WideRows wide;
  widen_codes(tile, rows, wide);
  for (int64_t r = 0; r < rows; r += kWideRows) {
    QuantisedTile some = tile;
    some.row += r;
    some.sums += r * kPanel;
    for (int64_t output = 0; output < kPanel; output += 8 * kWideVectors) {
      if (rows - r == 1) sixteen_outputs<1>(some, wide.codes[r], groups, output);
      if (rows - r == 2) sixteen_outputs<2>(some, wide.codes[r], groups, output);
      if (rows - r >= 3) sixteen_outputs<3>(some, wide.codes[r], groups, output);
    }
  }
}

using Packed = void (*)(const QuantisedTile&);
template <QuantisedKind kind>
constexpr Packed kPacked[kTileRows] = {packed_rows<1, kind>, packed_rows<2, kind>, packed_rows<3, kind>,
                                       packed_rows<4, kind>, packed_rows<5, kind>, packed_rows<6, kind>};

void packed(const QuantisedTile& tile, int64_t rows) {
  switch (tile.part.matrix->format.kind) {
    case QuantisedKind::Int8:
      return kPacked<QuantisedKind::Int8>[rows - 1](tile);
    case QuantisedKind::Int4:
      return kPacked<QuantisedKind::Int4>[rows - 1](tile);
    case QuantisedKind::Int4Offset:
      return kPacked<QuantisedKind::Int4Offset>[rows - 1](tile);
    case QuantisedKind::Q4K:
      return kPacked<QuantisedKind::Q4K>[rows - 1](tile);
    case QuantisedKind::Q6K:
      return kPacked<QuantisedKind::Q6K>[rows - 1](tile);
  }
}

}  // namespace

const QuantisedKernels kAvx2Quantised = {unpacked, packed, kNibbleBits, widen, quantise_group};

}  // namespace magma
#endif
