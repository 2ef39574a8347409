#include "magma/kernel/quantised_matrix.h"

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/kernel/number_format.h"

namespace magma {
namespace {

constexpr int64_t kSide = 4;  // depths of an output that stand side by side

float half_at(const uint8_t* from, int64_t index) {
  uint16_t bits;
  std::memcpy(&bits, from + index * 2, sizeof bits);
  return from_f16(bits);
}

void put_half(uint8_t* to, int64_t index, float value) {
  const uint16_t bits = to_f16(value);
  std::memcpy(to + index * 2, &bits, sizeof bits);
}

// Where a code's low bits are: byte and shift.
struct CodePlace {
  int64_t byte;
  int shift;
};

CodePlace place_of(QuantisedKind kind, int64_t o, int64_t k) {
  if (facts_of(kind).bits == 8) return {(k / kSide * kQuantisedPanel + o) * kSide + k % kSide, 0};
  return {(k / (2 * kSide) * kQuantisedPanel + o) * kSide + k % kSide, k / kSide % 2 == 0 ? 0 : 4};
}

}  // namespace

double bits_per_weight(QuantisedFormat format) {
  const QuantisedKindFacts& kind = facts_of(format.kind);
  const auto group = static_cast<double>(format.group);
  return static_cast<double>(kind.bits) + 8.0 * static_cast<double>(kind.scale_bytes) / group +
         8.0 * static_cast<double>(kind.super_bytes) / (group * static_cast<double>(kind.super_groups));
}

std::string format_name(QuantisedFormat format) {
  if (facts_of(format.kind).super_groups > 1) return facts_of(format.kind).name;
  return fmt::format("{}, groups of {}", facts_of(format.kind).name, format.group);
}

bool is_known(QuantisedFormat format) {
  if (format.kind == QuantisedKind::Q4K) return format.group == 32;
  if (format.kind == QuantisedKind::Q6K) return format.group == 16;
  return format.group == 32 || format.group == 64 || format.group == 128;
}

int64_t QuantisedMatrix::panel_bytes() const {
  const int64_t super = groups_of_super_block(format.kind);
  const int64_t supers = super == 1 ? 0 : (groups() + super - 1) / super;
  return supers * super_block_bytes(format.kind) +
         groups() * (bytes_before_codes(format) + code_bytes_of_group(format));
}

QuantisedGroup read_group(const QuantisedMatrix& matrix, int64_t n, int64_t group) {
  const QuantisedFormat format = matrix.format;
  const uint8_t* panel = matrix.panel(n / kQuantisedPanel);
  const uint8_t* scales = panel + group_position(format, group);
  const uint8_t* codes = scales + bytes_before_codes(format);
  const int64_t o = n % kQuantisedPanel;
  QuantisedGroup result;
  const int64_t super = groups_of_super_block(format.kind), first = group / super * super;
  const uint8_t* head = panel + group_position(format, first) - super_block_bytes(format.kind);
  if (format.kind == QuantisedKind::Q4K) {
    result.scale = half_at(head, o) * static_cast<float>(scales[o]);
    result.offset = -(half_at(head, kQuantisedPanel + o) * static_cast<float>(scales[kQuantisedPanel + o]));
  } else if (format.kind == QuantisedKind::Q6K) {
    result.scale = half_at(head, o) * static_cast<float>(static_cast<int8_t>(scales[o]));
  } else {
    result.scale = half_at(scales, o);
    if (has_offsets(format.kind)) result.offset = half_at(scales, kQuantisedPanel + o);
  }
  if (!has_offsets(format.kind)) result.offset = -result.scale * static_cast<float>(zero_code(format.kind));
  const uint8_t* high = codes + format.group / 2 * kQuantisedPanel;
  const int mask = code_bits(format.kind) == 8 ? 255 : 15;
  for (int64_t k = 0; k < format.group; ++k) {
    const CodePlace place = place_of(format.kind, o, k);
    int code = codes[place.byte] >> place.shift & mask;
    if (format.kind == QuantisedKind::Q6K) code |= (high[o * kSide + k % kSide] >> 2 * (k / kSide) & 3) << 4;
    result.codes[k] = static_cast<uint8_t>(code);
  }
  return result;
}

void pack_codes(QuantisedFormat format, const uint8_t* codes, uint8_t* packed) {
  const auto word = [&](int64_t o, int64_t k) {
    uint32_t four;
    std::memcpy(&four, codes + o * format.group + k, sizeof four);
    return four;
  };
  const bool bytes = code_bits(format.kind) == 8;
  for (int64_t k = 0; k < format.group; k += bytes ? kSide : 2 * kSide) {
    for (int64_t o = 0; o < kQuantisedPanel; ++o, packed += kSide) {
      const uint32_t four = bytes ? word(o, k) : (word(o, k) & 0x0F0F0F0FU) | (word(o, k + kSide) & 0x0F0F0F0FU) << 4U;
      std::memcpy(packed, &four, sizeof four);
    }
  }
  if (format.kind != QuantisedKind::Q6K) return;
  for (int64_t o = 0; o < kQuantisedPanel; ++o, packed += kSide) {
    uint32_t four = 0;
    for (int64_t quad = 0; quad < kSide; ++quad) four |= (word(o, kSide * quad) >> 4U & 0x03030303U) << 2 * quad;
    std::memcpy(packed, &four, sizeof four);
  }
}

void write_group(const QuantisedMatrix& matrix, int64_t panel, int64_t group, const PanelGroup& values,
                 uint8_t* panels) {
  const QuantisedFormat format = matrix.format;
  MAGMA_CHECK(groups_of_super_block(format.kind) == 1, "{} has scales of scales", format_name(format));
  uint8_t* to = panels + panel * matrix.panel_bytes() + group_position(format, group);
  for (int64_t o = 0; o < kQuantisedPanel; ++o) {
    put_half(to, o, values.scales[o]);
    if (has_offsets(format.kind)) put_half(to, kQuantisedPanel + o, values.offsets[o]);
  }
  pack_codes(format, values.codes, to + bytes_before_codes(format));
}

void dequantise_output(const QuantisedMatrix& matrix, int64_t n, float* weights) {
  for (int64_t g = 0; g < matrix.groups(); ++g) {
    const QuantisedGroup group = read_group(matrix, n, g);
    const int64_t first = g * matrix.format.group, count = std::min(matrix.format.group, matrix.K - first);
    for (int64_t k = 0; k < count; ++k) {
      weights[first + k] = group.scale * static_cast<float>(group.codes[k]) + group.offset;
    }
  }
}

}  // namespace magma
