// Attention over every format of keys and values: against its oracle in f64, and the same bits however the work is cut.
#include "magma/kernel/attention.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "tests/kernel/kernel_values.h"

namespace magma {
namespace {

constexpr CacheFormat kFormats[] = {CacheFormat::F32, CacheFormat::BF16, CacheFormat::Int8};

// Rows of a cache that own their memory.
struct Stored {
  Stored(const Values& values, int64_t width, CacheFormat format)
      : bytes(values.size() * static_cast<size_t>(cache_value_bytes(format))),
        scales(values.size() / static_cast<size_t>(width)),
        rows{format, width, bytes.data(), scales.data()} {
    for (size_t r = 0; r < scales.size(); ++r) {
      const auto at = static_cast<int64_t>(r) * width;
      store_row(values.data() + at, {format, width, bytes.data() + at * cache_value_bytes(format), &scales[r]});
    }
  }
  Stored(const Stored&) = delete;
  Values wide() const {
    Values result(scales.size() * static_cast<size_t>(rows.width));
    widen_rows(rows, 0, static_cast<int64_t>(scales.size()), result.data());
    return result;
  }

  std::vector<char> bytes;
  Values scales;
  CachedRows rows;
};

struct Case {
  int64_t queries, length, width, window;
};

constexpr int64_t kHeads = 6, kKeyHeads = 2;
const std::vector<Case> kCases = {{1, 1, 8, 0},     {1, 90, 12, 0},   {37, 37, 16, 0},   {20, 60, 64, 7},
                                  {1, 300, 80, 65}, {5, 257, 128, 0}, {130, 130, 40, 33}};

Attention job_of(const Case& size, const Values& query, const Stored& keys, const Stored& values) {
  return {.queries = size.queries,
          .length = size.length,
          .heads = kHeads,
          .key_heads = kKeyHeads,
          .width = size.width,
          .window = size.window,
          .query = query.data(),
          .query_stride = kHeads * size.width,
          .keys = keys.rows,
          .values = values.rows,
          .capacity = size.length + 5};
}

struct Inputs {
  Inputs(const Case& size, CacheFormat format)
      : query(drawn(size.queries * kHeads * size.width, 1)),
        keys(drawn(kKeyHeads * (size.length + 5) * size.width, 2), size.width, format),
        values(drawn(kKeyHeads * (size.length + 5) * size.width, 3), size.width, format) {}

  Values query;
  Stored keys, values;
};

Values attended(Attention job, int threads) {
  Team team(threads);
  Values y(static_cast<size_t>(job.queries * job.heads * job.width));
  job.out = y.data();
  attend(job, team);
  return y;
}

TEST(Attention, IsItsOracleInEveryFormat) {
  for (const CacheFormat format : kFormats) {
    for (const Case& size : kCases) {
      const Inputs in(size, format);
      Attention job = job_of(size, in.query, in.keys, in.values);
      Values expected(in.query.size());
      job.out = expected.data();
      attend_plain(job);
      const Values y = attended(job, 3);
      EXPECT_LE(largest_difference(y, expected), 3e-6F) << static_cast<int>(format) << " " << size.length;
      for (const int threads : {1, 2, 5}) EXPECT_EQ(attended(job, threads), y) << threads;
    }
  }
}

// A narrow cache gives the bits of an f32 one that holds the same numbers.
TEST(Attention, WidenedTilesAreTheSameBits) {
  for (const CacheFormat format : {CacheFormat::BF16, CacheFormat::Int8}) {
    for (const Case& size : kCases) {
      const Inputs in(size, format);
      const Stored keys(in.keys.wide(), size.width, CacheFormat::F32);
      const Stored values(in.values.wide(), size.width, CacheFormat::F32);
      EXPECT_EQ(attended(job_of(size, in.query, in.keys, in.values), 2),
                attended(job_of(size, in.query, keys, values), 2));
    }
  }
}

// What speculative decoding rests on.
TEST(Attention, QueriesTogetherAreTheSameBitsAsOneByOne) {
  for (const CacheFormat format : kFormats) {
    for (const Case& size : kCases) {
      const Inputs in(size, format);
      const Attention together = job_of(size, in.query, in.keys, in.values);
      const Values y = attended(together, 2);
      const int64_t row = kHeads * size.width;
      for (int64_t t = 0; t < size.queries; ++t) {
        Attention one = together;
        one.queries = 1;
        one.length = size.length - size.queries + t + 1;
        one.query = in.query.data() + t * row;
        EXPECT_EQ(attended(one, 1), Values(y.begin() + t * row, y.begin() + (t + 1) * row)) << size.length << " " << t;
      }
    }
  }
}

TEST(CacheFormat, RowsComeBackWithinTheFormatsStep) {
  for (const int64_t width : {1, 7, 8, 64, 77, 128}) {
    const Values values = drawn(5 * width, 4);
    EXPECT_EQ(Stored(values, width, CacheFormat::F32).wide(), values);
    const Values halves = Stored(values, width, CacheFormat::BF16).wide();
    for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(halves[i], from_bf16(to_bf16(values[i])));
    const Stored bytes(values, width, CacheFormat::Int8);
    const Values back = bytes.wide();
    for (size_t i = 0; i < values.size(); ++i) {
      const auto r = static_cast<int64_t>(i) / width, k = static_cast<int64_t>(i) % width;
      EXPECT_LE(std::abs(back[i] - values[i]), bytes.scales[static_cast<size_t>(r)] * 0.50001F);
      EXPECT_EQ(back[i], widened(bytes.rows, r, k));
    }
  }
}

TEST(CacheFormat, Int8TakesItsScaleFromTheLargest) {
  const Values values = {0.5F, -12.7F, 0.25F, 0.15F, -0.05F, 3, 0, 12.65F};
  const Stored stored(values, 8, CacheFormat::Int8);
  EXPECT_FLOAT_EQ(stored.scales[0], 0.1F);
  const std::vector<signed char> expected = {5, -127, 2, 2, 0, 30, 0, 126};  // 2.5, 1.5, -0.5 and 126.5 go to even
  for (size_t k = 0; k < 8; ++k) EXPECT_NEAR(stored.bytes[k], expected[k], k < 2 || k == 5 ? 0 : 1) << k;
  const Stored whole({127, -2.5F, 1.5F, 0.5F}, 4, CacheFormat::Int8);
  EXPECT_EQ(whole.wide(), (Values{127, -2, 2, 0}));
}

TEST(CacheFormat, WhatInt8CannotHoldIsSeen) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();
  for (const float bad : {kNan, -kNan, kInf, -kInf}) {
    for (const float value : Stored({1, bad, 2}, 3, CacheFormat::Int8).wide()) EXPECT_TRUE(std::isnan(value));
    EXPECT_FALSE(std::isfinite(Stored({1, bad, 2}, 3, CacheFormat::BF16).wide()[1]));
  }
  EXPECT_EQ(Stored({0, -0.0F, 1e-45F, 1e-39F}, 4, CacheFormat::Int8).wide(), (Values{0, 0, 0, 0}));
  const Values most = {3.4e38F, -3.4e38F, 1, 1.7e38F}, back = Stored(most, 4, CacheFormat::Int8).wide();
  for (size_t i = 0; i < most.size(); ++i) EXPECT_LE(std::abs(back[i] - most[i]), 3.4e38F / 253);
  const Values least = {kLeastOfInt8, -kLeastOfInt8 / 2}, small = Stored(least, 2, CacheFormat::Int8).wide();
  EXPECT_NEAR(small[0] / least[0], 1, 1e-6);
  EXPECT_NEAR(small[1] / least[1], 1, 0.02);
}

}  // namespace
}  // namespace magma
