#include "magma/nn/gguf_blocks.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "magma/core/check.h"
#include "magma/core/simd.h"

namespace magma {
namespace {

constexpr GgufTypeFacts facts(uint32_t number, std::string_view name, int64_t values, int64_t bytes) {
  return {static_cast<GgufTensorType>(number), name, values, bytes};
}

constexpr std::array kTypes = {
    facts(0, "F32", 1, 4),          facts(1, "F16", 1, 2),          facts(2, "Q4_0", 32, 18),
    facts(3, "Q4_1", 32, 20),       facts(4, "Q4_2", 16, 0),        facts(5, "Q4_3", 16, 0),
    facts(6, "Q5_0", 32, 22),       facts(7, "Q5_1", 32, 24),       facts(8, "Q8_0", 32, 34),
    facts(9, "Q8_1", 32, 40),       facts(10, "Q2_K", 256, 84),     facts(11, "Q3_K", 256, 110),
    facts(12, "Q4_K", 256, 144),    facts(13, "Q5_K", 256, 176),    facts(14, "Q6_K", 256, 210),
    facts(15, "Q8_K", 256, 292),    facts(16, "IQ2_XXS", 256, 66),  facts(17, "IQ2_XS", 256, 74),
    facts(18, "IQ3_XXS", 256, 98),  facts(19, "IQ1_S", 256, 50),    facts(20, "IQ4_NL", 32, 18),
    facts(21, "IQ3_S", 256, 110),   facts(22, "IQ2_S", 256, 82),    facts(23, "IQ4_XS", 256, 136),
    facts(24, "I8", 1, 1),          facts(25, "I16", 1, 2),         facts(26, "I32", 1, 4),
    facts(27, "I64", 1, 8),         facts(28, "F64", 1, 8),         facts(29, "IQ1_M", 256, 56),
    facts(30, "BF16", 1, 2),        facts(31, "Q4_0_4_4", 32, 0),   facts(32, "Q4_0_4_8", 32, 0),
    facts(33, "Q4_0_8_8", 32, 0),   facts(34, "TQ1_0", 256, 54),    facts(35, "TQ2_0", 256, 66),
    facts(36, "IQ4_NL_4_4", 32, 0), facts(37, "IQ4_NL_4_8", 32, 0), facts(38, "IQ4_NL_8_8", 32, 0),
    facts(39, "MXFP4", 32, 17),     facts(40, "NVFP4", 64, 36),     facts(41, "Q1_0", 128, 18)};

constexpr int kSmall = 32;   // values of a small block
constexpr int kLarge = 256;  // values of a "K" block

template <typename T>
MAGMA_INLINE T load_at(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// Without branches, so that loops over it become vectors. Subnormal halves are exact: (2^-14 + m 2^-24) - 2^-14.
MAGMA_INLINE float float_from_half(uint16_t half) {
  const uint32_t magnitude = (half & 0x7FFFU) << 13;
  const uint32_t normal = magnitude + (112U << 23);
  const float subnormal = std::bit_cast<float>(magnitude + (113U << 23)) - std::bit_cast<float>(113U << 23);
  const uint32_t special = magnitude | 0x7F800000U;
  uint32_t bits = magnitude < (1U << 23) ? std::bit_cast<uint32_t>(subnormal) : normal;
  bits = magnitude >= (31U << 23) ? special : bits;
  return std::bit_cast<float>(bits | (half & 0x8000U) << 16);
}

MAGMA_INLINE float half_at(const char* from) { return float_from_half(load_at<uint16_t>(from)); }

MAGMA_INLINE uint16_t bf16_from_float(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
  const uint32_t quiet = (bits >> 16) | 0x40U;
  return static_cast<uint16_t>((bits & 0x7FFFFFFFU) > 0x7F800000U ? quiet : rounded);
}

MAGMA_CPU_CLONES void narrow_to_bf16(const float* from, int64_t count, uint16_t* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = bf16_from_float(from[i]);
}

MAGMA_CPU_CLONES void widen_halves(const char* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = half_at(from + 2 * i);
}

MAGMA_CPU_CLONES void widen_bf16(const char* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = std::bit_cast<float>(uint32_t{load_at<uint16_t>(from + 2 * i)} << 16);
}

// d (f16), 32 signed bytes: y = d q
MAGMA_CPU_CLONES void dequantise_q8_0(const char* from, int64_t blocks, float* to) {
  for (int64_t b = 0; b < blocks; ++b, from += 34, to += kSmall) {
    const float d = half_at(from);
    for (int i = 0; i < kSmall; ++i) to[i] = d * static_cast<float>(static_cast<signed char>(from[2 + i]));
  }
}

// d (f16), 16 bytes: low halves are the values 0..15, high ones 16..31: y = d (q - 8)
MAGMA_CPU_CLONES void dequantise_q4_0(const char* from, int64_t blocks, float* to) {
  for (int64_t b = 0; b < blocks; ++b, from += 18, to += kSmall) {
    const float d = half_at(from);
    for (int i = 0; i < kSmall / 2; ++i) {
      const auto pair = static_cast<unsigned char>(from[2 + i]);
      to[i] = d * static_cast<float>((pair & 15) - 8);
      to[i + kSmall / 2] = d * static_cast<float>((pair >> 4) - 8);
    }
  }
}

// d, m (f16), 16 bytes as above: y = d q + m
MAGMA_CPU_CLONES void dequantise_q4_1(const char* from, int64_t blocks, float* to) {
  for (int64_t b = 0; b < blocks; ++b, from += 20, to += kSmall) {
    const float d = half_at(from), m = half_at(from + 2);
    for (int i = 0; i < kSmall / 2; ++i) {
      const auto pair = static_cast<unsigned char>(from[4 + i]);
      to[i] = d * static_cast<float>(pair & 15) + m;
      to[i + kSmall / 2] = d * static_cast<float>(pair >> 4) + m;
    }
  }
}

struct ScaleAndMinimum {
  int scale, minimum;
};

// Eight pairs of 6 bits in 12 bytes: 0..3 whole in bytes j and j + 4; of 4..7 the upper 2 bits lie above those.
MAGMA_INLINE ScaleAndMinimum q4_k_pair(const unsigned char* scales, int j) {
  if (j < 4) return {scales[j] & 63, scales[j + 4] & 63};
  return {(scales[j + 4] & 15) | (scales[j - 4] >> 6) << 4, scales[j + 4] >> 4 | (scales[j] >> 6) << 4};
}

// d, dmin (f16), 12 bytes of scales and minima, 128 bytes: 32 bytes hold sub-block 2 k low and 2 k + 1 high.
// y = (d scale) q - (dmin minimum)
MAGMA_CPU_CLONES void dequantise_q4_k(const char* from, int64_t blocks, float* to) {
  for (int64_t b = 0; b < blocks; ++b, from += 144, to += kLarge) {
    const float d = half_at(from), dmin = half_at(from + 2);
    std::array<unsigned char, 12> scales;
    std::memcpy(scales.data(), from + 4, scales.size());
    for (int j = 0; j < 8; ++j) {
      const ScaleAndMinimum pair = q4_k_pair(scales.data(), j);
      const float scale = d * static_cast<float>(pair.scale), minimum = dmin * static_cast<float>(pair.minimum);
      const char* codes = from + 16 + j / 2 * 32;
      const int shift = j % 2 * 4;
      for (int i = 0; i < 32; ++i) {
        to[32 * j + i] = scale * static_cast<float>(static_cast<unsigned char>(codes[i]) >> shift & 15) - minimum;
      }
    }
  }
}

// 128 bytes of low 4 bits, 64 of high 2 bits, 16 signed scales, d (f16). Each half of 128 values: value 32 k + i has
// its low bits in byte i + 32 (k % 2), half k / 2, and its high bits in byte i, pair k: y = (d scale) (q - 32)
MAGMA_CPU_CLONES void dequantise_q6_k(const char* from, int64_t blocks, float* to) {
  for (int64_t b = 0; b < blocks; ++b, from += 210, to += kLarge) {
    const float d = half_at(from + 208);
    for (int group = 0; group < 16; ++group) {  // 16 values share a scale
      const int half = group / 8, k = group % 8 / 2, first = group % 2 * 16;
      const float scale = d * static_cast<float>(static_cast<signed char>(from[192 + group]));
      const char* low = from + half * 64 + k % 2 * 32 + first;
      const char* high = from + 128 + half * 32 + first;
      for (int i = 0; i < 16; ++i) {
        const int code = (static_cast<unsigned char>(low[i]) >> k / 2 * 4 & 15) |
                         (static_cast<unsigned char>(high[i]) >> 2 * k & 3) << 4;
        to[16 * group + i] = scale * static_cast<float>(code - 32);
      }
    }
  }
}

}  // namespace

const GgufTypeFacts* find_gguf_type(uint32_t number) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const auto& type) { return static_cast<uint32_t>(type.type) == number; });
  return found == kTypes.end() ? nullptr : &*found;
}

const GgufTypeFacts& gguf_type_facts(GgufTensorType type) {
  const GgufTypeFacts* found = find_gguf_type(static_cast<uint32_t>(type));
  MAGMA_CHECK(found != nullptr, "unknown tensor type {}", static_cast<uint32_t>(type));
  return *found;
}

bool can_dequantise(GgufTensorType type) {
  switch (type) {
    case GgufTensorType::F32:
    case GgufTensorType::F16:
    case GgufTensorType::Q4_0:
    case GgufTensorType::Q4_1:
    case GgufTensorType::Q8_0:
    case GgufTensorType::Q4_K:
    case GgufTensorType::Q6_K:
    case GgufTensorType::BF16:
      return true;
  }
  return false;
}

void dequantise(GgufTensorType type, std::span<const char> blocks, std::span<float> values) {
  const GgufTypeFacts& facts = gguf_type_facts(type);
  const auto count = static_cast<int64_t>(values.size());
  const int64_t whole = count / facts.values;
  MAGMA_CHECK(count % facts.values == 0 && whole * facts.bytes == static_cast<int64_t>(blocks.size()),
              "{} bytes for {} values of {}", blocks.size(), count, facts.name);
  switch (type) {
    case GgufTensorType::F32:
      if (count > 0) std::memcpy(values.data(), blocks.data(), blocks.size());
      return;
    case GgufTensorType::F16:
      return widen_halves(blocks.data(), count, values.data());
    case GgufTensorType::BF16:
      return widen_bf16(blocks.data(), count, values.data());
    case GgufTensorType::Q4_0:
      return dequantise_q4_0(blocks.data(), whole, values.data());
    case GgufTensorType::Q4_1:
      return dequantise_q4_1(blocks.data(), whole, values.data());
    case GgufTensorType::Q8_0:
      return dequantise_q8_0(blocks.data(), whole, values.data());
    case GgufTensorType::Q4_K:
      return dequantise_q4_k(blocks.data(), whole, values.data());
    case GgufTensorType::Q6_K:
      return dequantise_q6_k(blocks.data(), whole, values.data());
  }
  MAGMA_CHECK(false, "no values of type {}", facts.name);
}

void dequantise(GgufTensorType type, std::span<const char> blocks, std::span<uint16_t> values) {
  const GgufTypeFacts& facts = gguf_type_facts(type);
  std::array<float, kLarge> exact;  // whole blocks of every type
  const auto step = static_cast<int64_t>(exact.size());
  const auto count = static_cast<int64_t>(values.size());
  for (int64_t done = 0; done < count; done += step) {
    const auto part = static_cast<size_t>(std::min(step, count - done));
    const size_t begin = static_cast<size_t>(done / facts.values * facts.bytes);
    const size_t bytes = part / static_cast<size_t>(facts.values) * static_cast<size_t>(facts.bytes);
    MAGMA_CHECK(begin + bytes <= blocks.size(), "{} bytes for {} values of {}", blocks.size(), count, facts.name);
    dequantise(type, blocks.subspan(begin, bytes), std::span(exact).first(part));
    narrow_to_bf16(exact.data(), static_cast<int64_t>(part), values.data() + done);
  }
}

}  // namespace magma
