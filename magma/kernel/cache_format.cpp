// Plain loops: the compiler makes vectors of them, better ones for narrow types than __builtin_convertvector() does.
#include "magma/kernel/cache_format.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "magma/core/simd.h"

namespace magma {
namespace {

constexpr int32_t kMagnitude = 0x7FFFFFFF, kInfinity = 0x7F800000;
constexpr float kInt8Most = 127;
// Added to a float below 2^22 it leaves the nearest whole number in the lowest bits.
constexpr float kWhole = 12582912.0F;  // 1.5 * 2^23
constexpr int32_t kWholeBits = 0x4B400000;

// In bits, so that NaN is the largest.
MAGMA_INLINE int32_t largest_magnitude(const float* values, int64_t count) {
  int32_t most = 0;
  for (int64_t i = 0; i < count; ++i) most = std::max(most, std::bit_cast<int32_t>(values[i]) & kMagnitude);
  return most;
}

}  // namespace

MAGMA_CPU_CLONES void store_bf16(const float* from, int64_t count, uint16_t* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = to_bf16(from[i]);
}

// -> the scale
MAGMA_CPU_CLONES float store_int8(const float* from, int64_t count, int8_t* to) {
  const int32_t bits = largest_magnitude(from, count);
  const auto most = std::bit_cast<float>(bits);
  if (bits >= kInfinity || most < kLeastOfInt8) {
    std::fill(to, to + count, int8_t{0});
    return bits >= kInfinity ? std::numeric_limits<float>::quiet_NaN() : 0.0F;
  }
  const float inverse = kInt8Most / most;
  for (int64_t i = 0; i < count; ++i) {
    to[i] = static_cast<int8_t>(std::bit_cast<int32_t>(from[i] * inverse + kWhole) - kWholeBits);
  }
  return most / kInt8Most;
}

MAGMA_CPU_CLONES void widen_bf16(const uint16_t* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = from_bf16(from[i]);
}

MAGMA_CPU_CLONES void widen_int8(const int8_t* from, float scale, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(from[i]) * scale;
}

void store_row(const float* from, const CachedRow& to) {
  if (to.format == CacheFormat::F32) std::memcpy(to.values, from, static_cast<size_t>(to.width) * sizeof(float));
  if (to.format == CacheFormat::BF16) store_bf16(from, to.width, static_cast<uint16_t*>(to.values));
  if (to.format == CacheFormat::Int8) *to.scale = store_int8(from, to.width, static_cast<int8_t*>(to.values));
}

void widen_rows(const CachedRows& rows, int64_t first, int64_t count, float* to) {
  const int64_t from = first * rows.width, values = count * rows.width;
  if (rows.format == CacheFormat::F32) {
    std::memcpy(to, static_cast<const float*>(rows.values) + from, static_cast<size_t>(values) * sizeof(float));
  }
  if (rows.format == CacheFormat::BF16) widen_bf16(static_cast<const uint16_t*>(rows.values) + from, values, to);
  if (rows.format != CacheFormat::Int8) return;
  const auto* bytes = static_cast<const int8_t*>(rows.values) + from;
  for (int64_t r = 0; r < count; ++r) {
    widen_int8(bytes + r * rows.width, rows.scales[first + r], rows.width, to + r * rows.width);
  }
}

float widened(const CachedRows& rows, int64_t row, int64_t k) {
  const int64_t at = row * rows.width + k;
  if (rows.format == CacheFormat::F32) return static_cast<const float*>(rows.values)[at];
  if (rows.format == CacheFormat::BF16) return from_bf16(static_cast<const uint16_t*>(rows.values)[at]);
  return static_cast<float>(static_cast<const int8_t*>(rows.values)[at]) * rows.scales[row];
}

}  // namespace magma
