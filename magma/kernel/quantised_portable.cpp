// Unpacking, and the inner loops without instructions of their own.
#include <algorithm>
#include <array>
#include <cstring>

#include "magma/core/simd.h"
#include "magma/kernel/number_format.h"
#include "magma/kernel/quantised_kernels.h"

namespace magma {
namespace {

constexpr int64_t kPanel = kQuantisedPanel;
constexpr int64_t kQuad = kPanel * 4;  // codes of four depths

void widen(const uint8_t* halves, int64_t count, float* values) {
  for (int64_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, halves + 2 * i, sizeof bits);
    values[i] = from_f16(bits);
  }
}

}  // namespace

MAGMA_CPU_CLONES static void split_nibbles(const uint8_t* packed, int64_t octets, uint8_t* codes) {
  for (int64_t t = 0; t < octets; ++t, packed += kQuad, codes += 2 * kQuad) {
    for (int64_t i = 0; i < kQuad; ++i) codes[i] = packed[i] & 15;
    for (int64_t i = 0; i < kQuad; ++i) codes[kQuad + i] = packed[i] >> 4;
  }
}

// high: two bits of each of four quads of depths in a byte.
MAGMA_CPU_CLONES static void add_high_bits(const uint8_t* high, uint8_t* codes) {
  for (int quad = 0; quad < 4; ++quad, codes += kQuad) {
    for (int64_t i = 0; i < kQuad; ++i) codes[i] = static_cast<uint8_t>(codes[i] | (high[i] >> 2 * quad & 3) << 4);
  }
}

MAGMA_CPU_CLONES static void scale_u8(const float* factor, const uint8_t* scales, float sign, float* values) {
  for (int64_t o = 0; o < kPanel; ++o) values[o] = factor[o] * static_cast<float>(scales[o]) * sign;
}

MAGMA_CPU_CLONES static void scale_s8(const float* factor, const uint8_t* scales, float* values) {
  for (int64_t o = 0; o < kPanel; ++o) values[o] = factor[o] * static_cast<float>(static_cast<int8_t>(scales[o]));
}

MAGMA_CPU_CLONES static void multiply_unpacked(const QuantisedTile& tile, int64_t rows, const UnpackedGroups& groups) {
  const QuantisedFormat format = tile.part.matrix->format;
  const auto zero = static_cast<int32_t>(zero_code(format.kind));
  for (int64_t r = 0; r < rows; ++r) {
    float* sums = tile.sums + r * kPanel;
    for (int64_t g = tile.part.first_group; g < tile.part.last_group; ++g) {
      const int64_t at = g - tile.part.first_group;
      const int8_t* x = tile.x->codes(tile.row + r) + g * format.group;
      const uint8_t* codes = groups.codes + at * format.group * kPanel;
      std::array<int32_t, kPanel> dots;
      dots.fill(-zero * tile.x->sums(tile.row + r)[g]);
      for (int64_t k = 0; k < format.group; ++k) {
        const int32_t value = x[k];
        const uint8_t* column = codes + k / 4 * kQuad + k % 4;
        for (size_t o = 0; o < dots.size(); ++o) dots[o] += value * column[4 * o];
      }
      const float scale = tile.x->scales(tile.row + r)[g];
      const float sum = scale * static_cast<float>(tile.x->sums(tile.row + r)[g]);
      for (int64_t o = 0; o < kPanel; ++o) {
        sums[o] += static_cast<float>(dots[static_cast<size_t>(o)]) * (groups.scales[at * kPanel + o] * scale);
        if (groups.offsets != nullptr) sums[o] += groups.offsets[at * kPanel + o] * sum;
      }
    }
  }
}

void unpack_groups(const PanelPart& part, void (*widen_halves)(const uint8_t*, int64_t, float*),
                   const UnpackedGroups& to) {
  const QuantisedFormat format = part.matrix->format;
  const uint8_t* panel = part.matrix->panel(part.panel);
  const int64_t super = groups_of_super_block(format.kind);
  std::array<float, 2 * kPanel> factors{};
  for (int64_t g = part.first_group; g < part.last_group; ++g) {
    const int64_t at = g - part.first_group;
    float* scales = to.scales + at * kPanel;
    float* offsets = to.offsets + at * kPanel;
    const uint8_t* stored = panel + group_position(format, g);
    const uint8_t* packed = stored + bytes_before_codes(format);
    uint8_t* codes = to.codes + at * format.group * kPanel;
    if (super > 1 && (g % super == 0 || g == part.first_group)) {
      const uint8_t* head = panel + group_position(format, g / super * super) - super_block_bytes(format.kind);
      widen_halves(head, super_block_bytes(format.kind) / 2, factors.data());
    }
    if (format.kind == QuantisedKind::Q4K) {
      scale_u8(factors.data(), stored, 1, scales);
      scale_u8(factors.data() + kPanel, stored + kPanel, -1, offsets);
    } else if (format.kind == QuantisedKind::Q6K) {
      scale_s8(factors.data(), stored, scales);
    } else {
      widen_halves(stored, kPanel, scales);
      if (has_offsets(format.kind)) widen_halves(stored + 2 * kPanel, kPanel, offsets);
    }
    if (code_bits(format.kind) == 8) {
      std::memcpy(codes, packed, static_cast<size_t>(format.group * kPanel));
    } else {
      split_nibbles(packed, format.group / 8, codes);
    }
    if (format.kind == QuantisedKind::Q6K) add_high_bits(packed + format.group / 2 * kPanel, codes);
  }
}

const QuantisedKernels kPlainQuantised = {multiply_unpacked, nullptr, widen, quantise_group};

}  // namespace magma
