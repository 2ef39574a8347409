// Matrices of weights in 4, 6 or 8 bits: the layout in memory, which is the layout in a file too.
//
// A weight is scale * code + offset; codes are unsigned. Outputs lie in panels of 64, depths in groups that share
// scales; where N or K does not fill the last panel or group, scales of further outputs and codes of further depths are
// zero. A panel is one stream, group after group: scales [64], offsets [64], then codes. Codes come four depths
// of an output side by side, [depth / 4, 64, 4]; in four bits the byte of depth 8 t + j holds depth 8 t + 4 + j above,
// [depth / 8, 64, 4].
//   Int8        scale f16; offset is -128 scale
//   Int4        scale f16; offset is -8 scale
//   Int4Offset  scale f16, offset f16
//   Q4K         of GGUF: scale d * u8, offset -m * u8; d [64] and m [64] in f16 stand before every eighth group
//   Q6K         of GGUF, groups of 16: scale d * s8, offset -32 scale; d [64] in f16 stands before every sixteenth
//               group; codes are the low four bits as above, then [64, 4] bytes with the high ones: byte j of an output
//               holds those of its depths j, 4 + j, 8 + j and 12 + j, two bits each, lowest first
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace magma {

enum class QuantisedKind : uint8_t { Int8, Int4, Int4Offset, Q4K, Q6K };

struct QuantisedFormat {
  QuantisedKind kind = QuantisedKind::Int8;
  int64_t group = 32;  // depths: 32, 64 or 128; 32 of Q4K, 16 of Q6K
  bool operator==(const QuantisedFormat&) const = default;
};

constexpr int64_t kQuantisedPanel = 64;  // outputs

struct QuantisedKindFacts {
  const char* name;
  int64_t bits;                       // of a code
  int64_t scale_bytes;                // of one output's scales of a group
  int64_t zero_code;                  // offset = -zero_code * scale; 0 where offsets are stored
  int64_t super_groups, super_bytes;  // groups of a super block (1: there are none), bytes of one output before them
};
constexpr QuantisedKindFacts kQuantisedKinds[] = {{"int8", 8, 2, 128, 1, 0},
                                                  {"int4", 4, 2, 8, 1, 0},
                                                  {"int4 with offset", 4, 4, 0, 1, 0},
                                                  {"q4_k", 4, 2, 0, 8, 4},
                                                  {"q6_k", 6, 1, 32, 16, 2}};
constexpr const QuantisedKindFacts& facts_of(QuantisedKind kind) { return kQuantisedKinds[static_cast<size_t>(kind)]; }

constexpr int64_t code_bits(QuantisedKind kind) { return facts_of(kind).bits; }
constexpr bool has_offsets(QuantisedKind kind) { return facts_of(kind).zero_code == 0; }
constexpr int64_t zero_code(QuantisedKind kind) { return facts_of(kind).zero_code; }
constexpr int64_t groups_of_super_block(QuantisedKind kind) { return facts_of(kind).super_groups; }
double bits_per_weight(QuantisedFormat format);
std::string format_name(QuantisedFormat format);  // "int4 g32", "q4_k"
bool is_known(QuantisedFormat format);

struct QuantisedMatrix {
  int64_t N = 0, K = 0;
  QuantisedFormat format;
  const uint8_t* panels = nullptr;

  int64_t panel_count() const { return (N + kQuantisedPanel - 1) / kQuantisedPanel; }
  int64_t groups() const { return (K + format.group - 1) / format.group; }
  int64_t panel_bytes() const;
  int64_t bytes() const { return panel_count() * panel_bytes(); }
  const uint8_t* panel(int64_t index) const { return panels + index * panel_bytes(); }
};

constexpr int64_t code_bytes_of_group(QuantisedFormat format) {
  return code_bits(format.kind) * format.group / 8 * kQuantisedPanel;
}
constexpr int64_t bytes_before_codes(QuantisedFormat format) {  // scales and offsets of one group
  return facts_of(format.kind).scale_bytes * kQuantisedPanel;
}
constexpr int64_t super_block_bytes(QuantisedKind kind) { return facts_of(kind).super_bytes * kQuantisedPanel; }
// In a panel: of the group's scales.
constexpr int64_t group_position(QuantisedFormat format, int64_t group) {
  const int64_t super = group / groups_of_super_block(format.kind) + 1;
  return super * super_block_bytes(format.kind) + group * (bytes_before_codes(format) + code_bytes_of_group(format));
}

// One group of one output as numbers.
struct QuantisedGroup {
  float scale = 0, offset = 0;
  uint8_t codes[128];  // [group]
};
QuantisedGroup read_group(const QuantisedMatrix& matrix, int64_t n, int64_t group);

// One group of a panel. Outputs beyond N have zeros.
struct PanelGroup {
  float scales[kQuantisedPanel] = {}, offsets[kQuantisedPanel] = {};
  uint8_t codes[kQuantisedPanel * 128] = {};  // [64, group]
};
void pack_codes(QuantisedFormat format, const uint8_t* codes, uint8_t* packed);
// Kinds whose scales are f16.
void write_group(const QuantisedMatrix& matrix, int64_t panel, int64_t group, const PanelGroup& values,
                 uint8_t* panels);

void dequantise_output(const QuantisedMatrix& matrix, int64_t n, float* weights);  // [K]

}  // namespace magma
