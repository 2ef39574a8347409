// The cache of keys and values: growth keeps what is there, sizes are those of the format, and what was stored is what
// a row of that format holds.
#include "magma/nn/kv_cache.h"

#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/core/random.h"

namespace magma {
namespace {

constexpr int64_t kLayers = 3, kKeyHeads = 2, kWidth = 12, kRow = kKeyHeads * kWidth;
constexpr CacheFormat kFormats[] = {CacheFormat::F32, CacheFormat::BF16, CacheFormat::Int8};

// Keys of place p in layer l; values are the keys of layer l + kLayers.
std::vector<float> place(int64_t layer, int64_t p) {
  Rng rng(static_cast<uint64_t>(layer * 100'000 + p));
  std::vector<float> values(kRow);
  for (float& value : values) value = static_cast<float>(rng.normal());
  return values;
}

void append(KvCache& cache, int64_t rows) {
  cache.reserve(rows);
  for (int64_t l = 0; l < kLayers; ++l) {
    for (int64_t p = cache.length(); p < cache.length() + rows; ++p) {
      cache.write(l, p, place(l, p).data(), place(l + kLayers, p).data());
    }
  }
  cache.advance(rows);
}

std::vector<float> as_stored(const float* row, CacheFormat format) {
  std::vector<char> bytes(kWidth * sizeof(float));
  float scale = 0;
  store_row(row, {format, kWidth, bytes.data(), &scale});
  std::vector<float> result(kWidth);
  widen_rows({format, kWidth, bytes.data(), &scale}, 0, 1, result.data());
  return result;
}

void expect_rows(const CachedRows& rows, int64_t layer, const KvCache& cache, CacheFormat format) {
  for (int64_t p = 0; p < cache.length(); ++p) {
    const std::vector<float> expected = place(layer, p);
    for (int64_t g = 0; g < kKeyHeads; ++g) {
      std::vector<float> row(kWidth);
      widen_rows(rows, g * cache.capacity() + p, 1, row.data());
      ASSERT_EQ(row, as_stored(expected.data() + g * kWidth, format)) << layer << " " << p << " " << g;
    }
  }
}

TEST(KvCache, GrowthByDoublingKeepsEveryValue) {
  for (const CacheFormat format : kFormats) {
    KvCache cache(kLayers, kKeyHeads, kWidth, 300, format);
    EXPECT_EQ(cache.bytes(), 0);
    std::vector<int64_t> capacities;
    for (const int64_t rows : {5, 59, 1, 70, 100, 1, 64}) {
      append(cache, rows);
      capacities.push_back(cache.capacity());
    }
    EXPECT_EQ(capacities, (std::vector<int64_t>{64, 64, 128, 256, 256, 256, 300}));
    EXPECT_EQ(cache.length(), 300);
    for (int64_t l = 0; l < kLayers; ++l) {
      expect_rows(cache.keys(l), l, cache, format);
      expect_rows(cache.values(l), l + kLayers, cache, format);
    }
  }
}

TEST(KvCache, CountsItsBytes) {
  const auto bytes = [](CacheFormat format) {
    KvCache cache(kLayers, kKeyHeads, kWidth, 100, format);
    cache.reserve(70);
    EXPECT_EQ(cache.capacity(), 70);
    return cache.bytes();
  };
  EXPECT_EQ(bytes(CacheFormat::F32), 2 * 3 * 2 * 70 * 12 * 4);
  EXPECT_EQ(bytes(CacheFormat::BF16), 2 * 3 * 2 * 70 * 12 * 2);
  EXPECT_EQ(bytes(CacheFormat::Int8), 2 * 3 * 2 * 70 * (12 + 4));
}

TEST(KvCache, FormatsHaveNames) {
  for (const CacheFormat format : kFormats) EXPECT_EQ(parse_cache_format(cache_format_name(format)), format);
  EXPECT_THROW(parse_cache_format("int4"), Error);
}

}  // namespace
}  // namespace magma
