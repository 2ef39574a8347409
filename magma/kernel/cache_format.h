// The number formats that keys and values may have in memory, a row (one head of one place) at a time.
#pragma once

#include <cstdint>

#include "magma/kernel/number_format.h"

namespace magma {

// Int8: q = x / scale to nearest, ties to even, with scale = max|x| / 127 of the row. Source: the rule of GGML's Q8_0,
// with the head of a place as its block, as LMDeploy's cache has it (per head, per token; there with an offset).
// A row that is smaller than kLeastOfInt8 everywhere is zero; one that is not finite is NaN when it is read.
enum class CacheFormat { F32, BF16, Int8 };

constexpr float kLeastOfInt8 = 127 * 0x1p-126F;

inline int64_t cache_value_bytes(CacheFormat format) {
  if (format == CacheFormat::F32) return 4;
  return format == CacheFormat::BF16 ? 2 : 1;
}

// Of a row with its scale, if it has one.
inline int64_t cache_row_bytes(CacheFormat format, int64_t width) {
  return width * cache_value_bytes(format) + (format == CacheFormat::Int8 ? static_cast<int64_t>(sizeof(float)) : 0);
}

// Rows of `width` values end to end.
struct CachedRows {
  CacheFormat format = CacheFormat::F32;
  int64_t width = 0;
  const void* values = nullptr;
  const float* scales = nullptr;  // one a row; Int8 only
};

struct CachedRow {
  CacheFormat format = CacheFormat::F32;
  int64_t width = 0;
  void* values = nullptr;
  float* scale = nullptr;  // Int8 only
};

void store_row(const float* from, const CachedRow& to);
// Rows [first, first + count) as f32.
void widen_rows(const CachedRows& rows, int64_t first, int64_t count, float* to);
float widened(const CachedRows& rows, int64_t row, int64_t k);  // the oracle

}  // namespace magma
