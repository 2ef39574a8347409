// Tensor types of GGUF and their values: blocks of quantised numbers -> f32 or bf16.
// Layouts: ggml's block_* structures. Each value has the same bits as the Python package `gguf` gives.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace magma {

// The types that can be read; the format's others are known by size and name only.
enum class GgufTensorType : uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q8_0 = 8,
  Q4_K = 12,
  Q6_K = 14,
  BF16 = 30
};

struct GgufTypeFacts {
  GgufTensorType type;
  std::string_view name;  // "Q4_K"
  int64_t values;         // of a block
  int64_t bytes;          // of a block; 0: dropped from the format
};

// nullptr for a number that is none of the format's.
const GgufTypeFacts* find_gguf_type(uint32_t number);
const GgufTypeFacts& gguf_type_facts(GgufTensorType type);
bool can_dequantise(GgufTensorType type);

// `blocks` hold exactly values.size() values of a type that can_dequantise().
void dequantise(GgufTensorType type, std::span<const char> blocks, std::span<float> values);
// To bf16, rounded to nearest, ties to even.
void dequantise(GgufTensorType type, std::span<const char> blocks, std::span<uint16_t> values);

}  // namespace magma
