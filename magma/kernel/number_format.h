// The number formats of weights, and their exact conversion to f32.
#pragma once

#include <bit>
#include <cstdint>

namespace magma {

enum class NumberFormat { F32, BF16, F16 };

inline int64_t format_bytes(NumberFormat format) { return format == NumberFormat::F32 ? 4 : 2; }

inline float from_bf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16U); }

// Round to nearest, ties to even; NaN stays NaN.
inline uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<uint16_t>((bits >> 16U) | 0x40U);
  return static_cast<uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

inline float from_f16(uint16_t half) {
  const uint32_t sign = (half & 0x8000U) << 16U;
  const uint32_t exponent = (half >> 10U) & 0x1FU, fraction = half & 0x3FFU;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | (fraction << 13U));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112U) << 23U) | (fraction << 13U));
  const float value = static_cast<float>(fraction) * 0x1p-24F;
  return sign == 0 ? value : -value;
}

// Round to nearest, ties to even; beyond the range: infinity.
inline uint16_t to_f16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16U & 0x8000U);
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return static_cast<uint16_t>(sign | 0x7E00U);
  if (magnitude >= 0x477FF000U) return static_cast<uint16_t>(sign | 0x7C00U);  // 65520 and more
  // Small ones: adding 0.5 leaves the bits of a multiple of 2^-24 at the end, rounded.
  if (magnitude < 0x38800000U) {
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000U));
  }
  const uint32_t rounded = magnitude + 0xFFFU + (magnitude >> 13U & 1U);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000U) >> 13U));
}

template <NumberFormat format>
float value_at(const void* values, int64_t index) {
  if constexpr (format == NumberFormat::F32) return static_cast<const float*>(values)[index];
  if constexpr (format == NumberFormat::BF16) return from_bf16(static_cast<const uint16_t*>(values)[index]);
  if constexpr (format == NumberFormat::F16) return from_f16(static_cast<const uint16_t*>(values)[index]);
}

inline float value_at(const void* values, NumberFormat format, int64_t index) {
  if (format == NumberFormat::F32) return value_at<NumberFormat::F32>(values, index);
  if (format == NumberFormat::BF16) return value_at<NumberFormat::BF16>(values, index);
  return value_at<NumberFormat::F16>(values, index);
}

}  // namespace magma
