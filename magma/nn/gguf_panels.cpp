#include "magma/nn/gguf_panels.h"

#include <cstring>

#include "magma/core/check.h"
#include "magma/kernel/number_format.h"

namespace magma {
namespace {

constexpr int64_t kPanel = kQuantisedPanel;

const uint8_t* bytes_of(const char* block) { return reinterpret_cast<const uint8_t*>(block); }

float half_at(const uint8_t* from) {
  uint16_t bits;
  std::memcpy(&bits, from, sizeof bits);
  return from_f16(bits);
}

// 32 values: the low four bits of 16 bytes, then the high ones.
void split_halves(const uint8_t* packed, uint8_t* codes) {
  for (int i = 0; i < 16; ++i) codes[i] = packed[i] & 15;
  for (int i = 0; i < 16; ++i) codes[16 + i] = packed[i] >> 4;
}

void read_small_block(GgufTensorType type, const uint8_t* block, int64_t o, PanelGroup& group) {
  uint8_t* codes = group.codes + o * 32;
  group.scales[o] = half_at(block);
  if (type == GgufTensorType::Q8_0) {
    for (int i = 0; i < 32; ++i) codes[i] = static_cast<uint8_t>(block[2 + i] + 128);
  } else if (type == GgufTensorType::Q4_0) {
    split_halves(block + 2, codes);
  } else {
    group.offsets[o] = half_at(block + 2);
    split_halves(block + 4, codes);
  }
}

struct SixBits {
  uint8_t scale, minimum;
};
// Eight pairs of six bits in twelve bytes: the first four pairs whole, the high bits of the others above them.
SixBits six_bits(const uint8_t* packed, int64_t j) {
  if (j < 4) return {static_cast<uint8_t>(packed[j] & 63), static_cast<uint8_t>(packed[j + 4] & 63)};
  return {static_cast<uint8_t>((packed[j + 4] & 15) | packed[j - 4] >> 6 << 4),
          static_cast<uint8_t>(packed[j + 4] >> 4 | packed[j] >> 6 << 4)};
}

// d, dmin, 12 bytes of scales, 128 of codes: see dequantise().
void write_q4_k(const uint8_t* block, int64_t j, int64_t o, uint8_t* head, uint8_t* scales, uint8_t* codes) {
  std::memcpy(head + 2 * o, block, 2);
  std::memcpy(head + 2 * (kPanel + o), block + 2, 2);
  const SixBits pair = six_bits(block + 4, j);
  scales[o] = pair.scale;
  scales[kPanel + o] = pair.minimum;
  const uint8_t* packed = block + 16 + j / 2 * 32;
  for (int i = 0; i < 32; ++i) codes[i] = packed[i] >> j % 2 * 4 & 15;
}

// 128 bytes of low bits, 64 of high ones, 16 scales, d: see dequantise(). Group j of 16 values.
void write_q6_k(const uint8_t* block, int64_t j, int64_t o, uint8_t* head, uint8_t* scales, uint8_t* codes) {
  std::memcpy(head + 2 * o, block + 208, 2);
  scales[o] = block[192 + j];
  const int64_t half = j / 8, k = j % 8 / 2, first = j % 2 * 16;
  const uint8_t* low = block + half * 64 + k % 2 * 32 + first;
  const uint8_t* high = block + 128 + half * 32 + first;
  for (int i = 0; i < 16; ++i) {
    codes[i] = static_cast<uint8_t>((low[i] >> k / 2 * 4 & 15) | (high[i] >> 2 * k & 3) << 4);
  }
}

void write_super_block_group(GgufTensorType type, std::span<const char* const> rows, const QuantisedMatrix& matrix,
                             int64_t g, uint8_t* panel) {
  const QuantisedFormat format = matrix.format;
  const int64_t super = groups_of_super_block(format.kind), block_bytes = gguf_type_facts(type).bytes;
  uint8_t* head = panel + group_position(format, g / super * super) - super_block_bytes(format.kind);
  uint8_t* scales = panel + group_position(format, g);
  PanelGroup values;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto o = static_cast<int64_t>(i);
    const uint8_t* block = bytes_of(rows[i]) + g / super * block_bytes;
    uint8_t* codes = values.codes + o * format.group;
    if (type == GgufTensorType::Q4_K) {
      write_q4_k(block, g % super, o, head, scales, codes);
    } else {
      write_q6_k(block, g % super, o, head, scales, codes);
    }
  }
  pack_codes(format, values.codes, scales + bytes_before_codes(format));
}

}  // namespace

std::optional<QuantisedFormat> panel_format(GgufTensorType type) {
  switch (type) {
    case GgufTensorType::Q8_0:
      return QuantisedFormat{QuantisedKind::Int8, 32};
    case GgufTensorType::Q4_0:
      return QuantisedFormat{QuantisedKind::Int4, 32};
    case GgufTensorType::Q4_1:
      return QuantisedFormat{QuantisedKind::Int4Offset, 32};
    case GgufTensorType::Q4_K:
      return QuantisedFormat{QuantisedKind::Q4K, 32};
    case GgufTensorType::Q6_K:
      return QuantisedFormat{QuantisedKind::Q6K, 16};
    case GgufTensorType::F32:
    case GgufTensorType::F16:
    case GgufTensorType::BF16:
      return std::nullopt;
  }
  return std::nullopt;
}

void write_gguf_panel(GgufTensorType type, std::span<const char* const> rows, const QuantisedMatrix& matrix,
                      int64_t panel, uint8_t* panels) {
  MAGMA_CHECK(static_cast<int64_t>(rows.size()) <= kPanel && panel_format(type) == matrix.format, "{} rows of {}",
              rows.size(), gguf_type_facts(type).name);
  const bool super = groups_of_super_block(matrix.format.kind) > 1;
  const int64_t block_bytes = gguf_type_facts(type).bytes;
  PanelGroup values;
  for (int64_t g = 0; g < matrix.groups(); ++g) {
    if (super) {
      write_super_block_group(type, rows, matrix, g, panels + panel * matrix.panel_bytes());
      continue;
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      read_small_block(type, bytes_of(rows[i]) + g * block_bytes, static_cast<int64_t>(i), values);
    }
    write_group(matrix, panel, g, values, panels);
  }
}

}  // namespace magma
