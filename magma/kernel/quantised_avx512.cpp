// AVX-512 VNNI. Only functions with the attribute may use its instructions, so that the program starts anywhere.
#if defined(__x86_64__)
#include <cstring>
#include <iterator>

// GCC 12 takes the undefined registers of its own header for a mistake.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#include "magma/core/simd.h"
#include "magma/kernel/quantised_kernels.h"

#define MAGMA_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")))
#define MAGMA_VNNI_INLINE \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c"), always_inline)) inline

namespace magma {
namespace {

constexpr int64_t kPanel = kQuantisedPanel;
constexpr int kVectors = 4;             // of 16 outputs
constexpr int64_t kQuad = 4 * kPanel;   // bytes of four depths, or of eight in four bits
constexpr int64_t kAhead = 32 * kQuad;  // fetched early: a stream of the memory ends at each page of 4 KB

MAGMA_VNNI void widen(const uint8_t* halves, int64_t count, float* values) {
  for (int64_t i = 0; i < count; i += 16) {
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves + 2 * i));
    _mm512_storeu_ps(values + i, _mm512_cvtph_ps(half));
  }
}

MAGMA_VNNI CodedGroup quantise(const float* x, int64_t count, int8_t* codes) {
  constexpr float kLargestCode = 127;
  const auto rest = [](int64_t left) {
    return static_cast<__mmask16>(left >= 16 ? 0xFFFFU : (1U << static_cast<unsigned>(left)) - 1);
  };
  __m512 largest = _mm512_setzero_ps();
  __mmask16 faulty = 0;
  for (int64_t i = 0; i < count; i += 16) {
    const __m512 size = _mm512_abs_ps(_mm512_maskz_loadu_ps(rest(count - i), x + i));
    faulty |= _mm512_cmp_ps_mask(size, _mm512_set1_ps(__builtin_inff()), _CMP_NLT_UQ);
    largest = _mm512_max_ps(largest, size);
  }
  const float top = _mm512_reduce_max_ps(largest);
  const __m512 factor = _mm512_set1_ps(top > 0 && faulty == 0 ? kLargestCode / top : 0.0F);
  __m512i sums = _mm512_setzero_si512();
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 mask = rest(count - i);
    const __m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), factor));
    const __m512i valid = faulty == 0 ? whole : _mm512_setzero_si512();
    _mm512_mask_cvtepi32_storeu_epi8(codes + i, mask, valid);
    sums = _mm512_add_epi32(sums, valid);
  }
  return {faulty == 0 ? top / kLargestCode : __builtin_nanf(""), _mm512_reduce_add_epi32(sums)};
}

MAGMA_VNNI_INLINE void fetch(const uint8_t* line) { _mm_prefetch(reinterpret_cast<const char*>(line), _MM_HINT_T0); }

MAGMA_VNNI_INLINE __m512i four_codes(const int8_t* from) {
  int32_t four;
  std::memcpy(&four, from, sizeof four);
  return _mm512_set1_epi32(four);
}

// Sums of the products of one row and one group, times their scales, onto the row's sums.
MAGMA_VNNI_INLINE void add_scaled(const __m512i (&dots)[kVectors], const __m512 (&scales)[kVectors], float scale,
                                  __m512 (&sums)[kVectors]) {
  const __m512 factor = _mm512_set1_ps(scale);
  MAGMA_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    sums[v] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[v]), _mm512_mul_ps(scales[v], factor), sums[v]);
  }
}

MAGMA_VNNI_INLINE void add_offsets(const __m512 (&offsets)[kVectors], float sum, __m512 (&sums)[kVectors]) {
  MAGMA_UNROLL
  for (int v = 0; v < kVectors; ++v) sums[v] = _mm512_fmadd_ps(offsets[v], _mm512_set1_ps(sum), sums[v]);
}

MAGMA_VNNI_INLINE void load_floats(const float* from, __m512 (&values)[kVectors]) {
  MAGMA_UNROLL
  for (int v = 0; v < kVectors; ++v) values[v] = _mm512_loadu_ps(from + 16 * v);
}

MAGMA_VNNI_INLINE void store_floats(const __m512 (&values)[kVectors], float* to) {
  MAGMA_UNROLL
  for (int v = 0; v < kVectors; ++v) _mm512_storeu_ps(to + 16 * v, values[v]);
}

MAGMA_VNNI_INLINE void start_dots(int32_t value, __m512i (&dots)[kVectors]) {
  MAGMA_UNROLL
  for (int v = 0; v < kVectors; ++v) dots[v] = _mm512_set1_epi32(value);
}

// The sums of products of all rows take the registers; those in f32 wait in the first-level cache.
template <int rows>
MAGMA_VNNI_INLINE void group_dots(const QuantisedTile& tile, int64_t g, const uint8_t* codes,
                                  __m512i (&dots)[rows][kVectors]) {
  const QuantisedFormat format = tile.part.matrix->format;
  const auto zero = static_cast<int32_t>(zero_code(format.kind));
  const int8_t* x = tile.x->codes(tile.row) + g * format.group;
  const int64_t stride = tile.x->depth();
  MAGMA_UNROLL
  for (int r = 0; r < rows; ++r) start_dots(-zero * tile.x->sums(tile.row + r)[g], dots[r]);
  for (int64_t k = 0; k < format.group; k += 4, codes += kQuad) {
    __m512i weights[kVectors];
    MAGMA_UNROLL
    for (int v = 0; v < kVectors; ++v) weights[v] = _mm512_loadu_si512(codes + 64 * v);
    MAGMA_UNROLL
    for (int r = 0; r < rows; ++r) {
      const __m512i four = four_codes(x + r * stride + k);
      MAGMA_UNROLL
      for (int v = 0; v < kVectors; ++v) dots[r][v] = _mm512_dpbusd_epi32(dots[r][v], weights[v], four);
    }
  }
}

template <int rows, bool offsets>
MAGMA_VNNI void unpacked_rows(const QuantisedTile& tile, const UnpackedGroups& groups) {
  const int64_t group = tile.part.matrix->format.group;
  for (int64_t g = tile.part.first_group; g < tile.part.last_group; ++g) {
    const int64_t at = g - tile.part.first_group;
    __m512i dots[rows][kVectors];
    group_dots<rows>(tile, g, groups.codes + at * group * kPanel, dots);
    __m512 scales[kVectors];
    load_floats(groups.scales + at * kPanel, scales);
    MAGMA_UNROLL
    for (int r = 0; r < rows; ++r) {
      __m512 sums[kVectors];
      load_floats(tile.sums + r * kPanel, sums);
      const float scale = tile.x->scales(tile.row + r)[g];
      add_scaled(dots[r], scales, scale, sums);
      if constexpr (offsets) {
        __m512 stored[kVectors];
        load_floats(groups.offsets + at * kPanel, stored);
        add_offsets(stored, scale * static_cast<float>(tile.x->sums(tile.row + r)[g]), sums);
      }
      store_floats(sums, tile.sums + r * kPanel);
    }
  }
}

MAGMA_VNNI_INLINE __m512 load_half(const uint8_t* from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

MAGMA_VNNI_INLINE __m128i load_bytes(const uint8_t* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

// Scales of a group of a packed panel. `head`: of its super block.
template <QuantisedKind kind>
MAGMA_VNNI_INLINE void load_scales(const uint8_t* head, const uint8_t* stored, __m512 (&scales)[kVectors]) {
  MAGMA_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    if constexpr (kind == QuantisedKind::Q4K) {
      const __m512 whole = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load_bytes(stored + 16 * v)));
      scales[v] = _mm512_mul_ps(load_half(head + 32 * v), whole);
    } else if constexpr (kind == QuantisedKind::Q6K) {
      const __m512 whole = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_bytes(stored + 16 * v)));
      scales[v] = _mm512_mul_ps(load_half(head + 32 * v), whole);
    } else {
      scales[v] = load_half(stored + 32 * v);
    }
  }
}

template <QuantisedKind kind>
MAGMA_VNNI_INLINE void load_offsets(const uint8_t* head, const uint8_t* stored, __m512 (&offsets)[kVectors]) {
  MAGMA_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    if constexpr (kind == QuantisedKind::Q4K) {
      const __m512 whole = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load_bytes(stored + kPanel + 16 * v)));
      const __m512 factor = _mm512_mul_ps(load_half(head + 2 * kPanel + 32 * v), _mm512_set1_ps(-1));
      offsets[v] = _mm512_mul_ps(factor, whole);
    } else {
      offsets[v] = load_half(stored + 2 * kPanel + 32 * v);
    }
  }
}

// Codes of eight depths in four bits, four at a time; of Q6K with the high bits in `high`, of which `quad` is the
// first.
struct NibbleCodes {
  __m512i first, second;
};
template <QuantisedKind kind>
MAGMA_VNNI_INLINE NibbleCodes nibbles(const uint8_t* from, __m512i high, int quad) {
  const __m512i low = _mm512_set1_epi8(15), two = _mm512_set1_epi8(0x30);
  const __m512i both = _mm512_loadu_si512(from);
  NibbleCodes codes = {_mm512_and_si512(both, low), _mm512_and_si512(_mm512_srli_epi16(both, 4), low)};
  if constexpr (kind == QuantisedKind::Q6K) {
    const __m512i a = quad == 0 ? _mm512_slli_epi16(high, 4) : high;
    const __m512i b = quad == 0 ? _mm512_slli_epi16(high, 2) : _mm512_srli_epi16(high, 2);
    codes.first = _mm512_or_si512(codes.first, _mm512_and_si512(a, two));
    codes.second = _mm512_or_si512(codes.second, _mm512_and_si512(b, two));
  }
  return codes;
}

// One group of a packed panel; `from`: its codes. Lines far ahead are fetched meanwhile.
template <int rows, QuantisedKind kind>
MAGMA_VNNI_INLINE void packed_dots(const QuantisedTile& tile, int64_t g, const uint8_t* from,
                                   __m512i (&dots)[rows][kVectors]) {
  constexpr bool kNibbles = kind != QuantisedKind::Int8;
  const int64_t group = tile.x->group(), stride = tile.x->depth();
  const int8_t* x = tile.x->codes(tile.row) + g * group;
  MAGMA_UNROLL
  for (int r = 0; r < rows; ++r)
    start_dots(-static_cast<int32_t>(zero_code(kind)) * tile.x->sums(tile.row + r)[g], dots[r]);
  for (int64_t k = 0; k < group; k += kNibbles ? 8 : 4, from += kQuad, x += kNibbles ? 8 : 4) {
    MAGMA_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      fetch(from + kAhead + 64 * v);
      NibbleCodes codes;
      if constexpr (kNibbles) {
        // The high bits of the group of 16 stand behind its two octets.
        const uint8_t* high = from + (k == 0 ? 2 : 1) * kQuad + 64 * v;
        codes = nibbles<kind>(from + 64 * v, kind == QuantisedKind::Q6K ? _mm512_loadu_si512(high) : __m512i{},
                              k == 0 ? 0 : 2);
      } else {
        codes.first = _mm512_loadu_si512(from + 64 * v);
      }
      MAGMA_UNROLL
      for (int r = 0; r < rows; ++r) {
        dots[r][v] = _mm512_dpbusd_epi32(dots[r][v], codes.first, four_codes(x + r * stride));
        if constexpr (kNibbles) {
          dots[r][v] = _mm512_dpbusd_epi32(dots[r][v], codes.second, four_codes(x + r * stride + 4));
        }
      }
    }
  }
}

template <int rows, QuantisedKind kind>
MAGMA_VNNI void packed_rows(const QuantisedTile& tile) {
  constexpr bool kOffsets = has_offsets(kind);
  constexpr bool kInRegisters = rows <= 2;  // the sums
  constexpr int64_t kSuper = groups_of_super_block(kind), kHead = super_block_bytes(kind);
  const QuantisedFormat format{kind, tile.part.matrix->format.group};
  const int64_t group_bytes = bytes_before_codes(format) + code_bytes_of_group(format);
  const uint8_t* stored = tile.part.matrix->panel(tile.part.panel);
  const uint8_t* head = stored;
  __m512 sums[kInRegisters ? rows : 1][kVectors];
  MAGMA_UNROLL
  for (int r = 0; kInRegisters && r < rows; ++r) load_floats(tile.sums + r * kPanel, sums[r]);
  for (int64_t g = 0; g < tile.part.last_group; ++g, stored += group_bytes) {
    if (kSuper > 1 && g % kSuper == 0) {
      head = stored;
      stored += kHead;
    }
    MAGMA_UNROLL
    for (int line = 0; line < 4; ++line) fetch(stored + kAhead + 64 * line);
    __m512i dots[rows][kVectors];
    packed_dots<rows, kind>(tile, g, stored + bytes_before_codes(format), dots);
    __m512 scales[kVectors], offsets[kVectors];
    load_scales<kind>(head, stored, scales);
    if constexpr (kOffsets) load_offsets<kind>(head, stored, offsets);
    MAGMA_UNROLL
    for (int r = 0; r < rows; ++r) {
      __m512(&row_sums)[kVectors] = sums[kInRegisters ? r : 0];
      if constexpr (!kInRegisters) load_floats(tile.sums + r * kPanel, row_sums);
      const float scale = tile.x->scales(tile.row + r)[g];
      add_scaled(dots[r], scales, scale, row_sums);
      if constexpr (kOffsets) {
        add_offsets(offsets, scale * static_cast<float>(tile.x->sums(tile.row + r)[g]), row_sums);
      }
      if constexpr (!kInRegisters) store_floats(row_sums, tile.sums + r * kPanel);
    }
  }
  MAGMA_UNROLL
  for (int r = 0; kInRegisters && r < rows; ++r) store_floats(sums[r], tile.sums + r * kPanel);
}

using Unpacked = void (*)(const QuantisedTile&, const UnpackedGroups&);
template <bool offsets>
constexpr Unpacked kUnpacked[kTileRows] = {unpacked_rows<1, offsets>, unpacked_rows<2, offsets>,
                                           unpacked_rows<3, offsets>, unpacked_rows<4, offsets>,
                                           unpacked_rows<5, offsets>, unpacked_rows<6, offsets>};

void unpacked(const QuantisedTile& tile, int64_t rows, const UnpackedGroups& groups) {
  if (groups.offsets != nullptr) return kUnpacked<true>[rows - 1](tile, groups);
  kUnpacked<false>[rows - 1](tile, groups);
}

struct PackedRows {
  template <int rows, QuantisedKind kind>
  static constexpr PackedFunction of = packed_rows<rows, kind>;
};

}  // namespace

const QuantisedKernels kAvx512Quantised = {unpacked, packed_of<PackedRows>, widen, quantise};

}  // namespace magma
#endif
