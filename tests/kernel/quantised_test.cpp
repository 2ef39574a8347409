// Products with quantised weights: every instruction set of this machine against the scalar oracle.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "magma/core/random.h"
#include "magma/kernel/activation.h"
#include "magma/kernel/number_format.h"
#include "magma/kernel/quantised_bf16.h"
#include "magma/kernel/quantised_matmul.h"

namespace magma {
namespace {

struct Stored {
  std::vector<uint8_t> bytes;
  QuantisedMatrix matrix;
};

void put_halves(Rng& rng, uint8_t* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const uint16_t half = to_f16(static_cast<float>(0.01 * rng.normal()));
    std::memcpy(to + 2 * i, &half, sizeof half);
  }
}

// Random codes, and scales that are numbers.
Stored random_matrix(Rng& rng, int64_t N, int64_t K, QuantisedFormat format) {
  Stored stored;
  stored.matrix = {N, K, format, nullptr};
  stored.bytes.resize(static_cast<size_t>(stored.matrix.bytes()));
  for (uint8_t& byte : stored.bytes) byte = static_cast<uint8_t>(rng.uniform() * 256);
  const int64_t super = groups_of_super_block(format.kind);
  for (int64_t i = 0; i < stored.matrix.panel_count() * stored.matrix.groups(); ++i) {
    const int64_t g = i % stored.matrix.groups();
    uint8_t* scales =
        stored.bytes.data() + i / stored.matrix.groups() * stored.matrix.panel_bytes() + group_position(format, g);
    if (super == 1) put_halves(rng, scales, bytes_before_codes(format) / 2);
    if (super > 1 && g % super == 0) {
      const int64_t head = super_block_bytes(format.kind);
      put_halves(rng, scales - head, head / 2);
    }
  }
  stored.matrix.panels = stored.bytes.data();
  return stored;
}

std::vector<float> normal_values(Rng& rng, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(rng.normal());
  return values;
}

int64_t pick(Rng& rng, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(rng.uniform() * static_cast<double>(high - low + 1));
}

QuantisedFormat random_format(Rng& rng, QuantisedKind kind) {
  if (kind == QuantisedKind::Q4K) return {kind, 32};
  if (kind == QuantisedKind::Q6K) return {kind, 16};
  return {kind, int64_t{32} << pick(rng, 0, 2)};
}

std::vector<QuantisedInstructions> instructions_here() {
  std::vector<QuantisedInstructions> all = {QuantisedInstructions::Plain};
  const QuantisedInstructions best = best_quantised_instructions();
  if (best >= QuantisedInstructions::Avx2) all.push_back(QuantisedInstructions::Avx2);
  if (best >= QuantisedInstructions::Avx512Vnni) all.push_back(QuantisedInstructions::Avx512Vnni);
  return all;
}

class Quantised : public testing::TestWithParam<QuantisedKind> {
 protected:
  ~Quantised() override { use_quantised_instructions(best_quantised_instructions()); }
};

float largest(const std::vector<float>& values) {
  float result = 0;
  for (const float value : values) result = std::max(result, std::abs(value));
  return result;
}

TEST_P(Quantised, EveryInstructionSetAgreesWithTheOracle) {
  Rng rng(7);
  Team team(2);
  for (const QuantisedInstructions instructions : instructions_here()) {
    use_quantised_instructions(instructions);
    for (int round = 0; round < 30; ++round) {
      const QuantisedFormat format = random_format(rng, GetParam());
      const int64_t M = pick(rng, 1, 64), N = pick(rng, 1, 200), K = pick(rng, 1, 900);
      const Stored weight = random_matrix(rng, N, K, format);
      const std::vector<float> x = normal_values(rng, M * K), bias = normal_values(rng, N);
      QuantisedRows rows;
      rows.assign(x.data(), M, K, format.group, team);
      std::vector<float> y(static_cast<size_t>(M * N)), expected(y.size());
      QuantisedProduct product{weight.matrix, bias.data(), y.data()};
      quantised_matmul({&product, 1}, rows, team);
      product.y = expected.data();
      quantised_matmul_plain(product, rows);
      const float tolerance = 2e-6F * largest(expected);
      for (size_t i = 0; i < y.size(); ++i) {
        ASSERT_NEAR(y[i], expected[i], tolerance)
            << instructions_name(instructions) << ", " << format_name(format) << ", " << M << " x " << N << " x " << K;
      }
    }
  }
}

TEST_P(Quantised, RowsThreadsAndNeighboursChangeNoBit) {
  Rng rng(8);
  Team one(1), three(3);
  const QuantisedFormat format = random_format(rng, GetParam());
  const int64_t M = 40, N = 300, K = 520;
  const Stored weight = random_matrix(rng, N, K, format), other = random_matrix(rng, 70, K, format);
  const std::vector<float> x = normal_values(rng, M * K);
  for (const QuantisedInstructions instructions : instructions_here()) {
    use_quantised_instructions(instructions);
    std::vector<float> all(static_cast<size_t>(M * N)), beside(static_cast<size_t>(M * 70));
    QuantisedRows rows;
    rows.assign(x.data(), M, K, format.group, three);
    const QuantisedProduct both[] = {{other.matrix, nullptr, beside.data()}, {weight.matrix, nullptr, all.data()}};
    quantised_matmul(both, rows, three);
    for (int64_t m = 0; m < M; m += 7) {
      std::vector<float> single(static_cast<size_t>(N));
      rows.assign(x.data() + m * K, 1, K, format.group, one);
      const QuantisedProduct alone{weight.matrix, nullptr, single.data()};
      quantised_matmul({&alone, 1}, rows, one);
      EXPECT_EQ(0, std::memcmp(single.data(), all.data() + m * N, single.size() * sizeof(float))) << m;
    }
  }
}

TEST_P(Quantised, AGateIsItsPartsOneAfterTheOther) {
  Rng rng(10);
  Team one(1), three(3);
  const QuantisedFormat format = random_format(rng, GetParam());
  const int64_t N = 150, K = 410;
  const Stored gate = random_matrix(rng, N, K, format), up = random_matrix(rng, N, K, format);
  const std::vector<float> gate_bias = normal_values(rng, N);
  for (const QuantisedInstructions instructions : instructions_here()) {
    use_quantised_instructions(instructions);
    for (const int64_t M : {1, 5, 23}) {
      const std::vector<float> x = normal_values(rng, M * K);
      QuantisedRows rows;
      rows.assign(x.data(), M, K, format.group, one);
      std::vector<float> expected(static_cast<size_t>(M * N)), factors(expected.size()), y(expected.size());
      const QuantisedProduct both[] = {{gate.matrix, gate_bias.data(), expected.data()},
                                       {up.matrix, nullptr, factors.data()}};
      quantised_matmul(both, rows, one);
      silu_product(expected.data(), factors.data(), M * N, one);
      quantised_gate({gate.matrix, up.matrix, gate_bias.data(), nullptr, y.data()}, rows, three);
      EXPECT_EQ(0, std::memcmp(y.data(), expected.data(), y.size() * sizeof(float))) << M;
    }
  }
}

TEST_P(Quantised, AHiddenLayerHasTheCodesItHasByWayOfF32) {
  Rng rng(11);
  Team one(1), three(3);
  for (const QuantisedInstructions instructions : instructions_here()) {
    use_quantised_instructions(instructions);
    for (const int64_t group : {32, 64, 128}) {
      const QuantisedFormat format = random_format(rng, GetParam());
      const int64_t M = pick(rng, 1, 30), N = pick(rng, 1, 400), K = pick(rng, 1, 300);
      const Stored weight = random_matrix(rng, N, K, format);
      const std::vector<float> x = normal_values(rng, M * K), bias = normal_values(rng, N);
      QuantisedRows rows, expected, hidden;
      rows.assign(x.data(), M, K, format.group, one);
      std::vector<float> y(static_cast<size_t>(M * N));
      const QuantisedProduct product{weight.matrix, bias.data(), y.data()};
      quantised_matmul({&product, 1}, rows, one);
      gelu(y.data(), M * N, one);
      expected.assign(y.data(), M, N, group, one);
      quantised_gelu(weight.matrix, bias.data(), rows, group, hidden, three);
      ASSERT_EQ(hidden.depth(), expected.depth());
      for (int64_t m = 0; m < M; ++m) {
        const auto groups = static_cast<size_t>(expected.groups());
        EXPECT_EQ(0, std::memcmp(hidden.codes(m), expected.codes(m), static_cast<size_t>(expected.depth())));
        EXPECT_EQ(0, std::memcmp(hidden.scales(m), expected.scales(m), groups * sizeof(float)));
        EXPECT_EQ(0, std::memcmp(hidden.sums(m), expected.sums(m), groups * sizeof(int32_t)));
      }
    }
  }
}

TEST_P(Quantised, AProductIsAddedTimesAFactorOfEachOutput) {
  Rng rng(12);
  Team two(2);
  const QuantisedFormat format = random_format(rng, GetParam());
  const int64_t M = 9, N = 100, K = 200;
  const Stored weight = random_matrix(rng, N, K, format);
  const std::vector<float> x = normal_values(rng, M * K), bias = normal_values(rng, N), times = normal_values(rng, N);
  std::vector<float> y(static_cast<size_t>(M * N)), sums = normal_values(rng, M * N), expected = sums;
  QuantisedRows rows;
  rows.assign(x.data(), M, K, format.group, two);
  const QuantisedProduct plain{weight.matrix, bias.data(), y.data()};
  const QuantisedProduct added{weight.matrix, bias.data(), sums.data(), times.data()};
  quantised_matmul({&plain, 1}, rows, two);
  quantised_matmul({&added, 1}, rows, two);
  for (size_t i = 0; i < y.size(); ++i) expected[i] += y[i] * times[i % static_cast<size_t>(N)];
  EXPECT_EQ(sums, expected);
}

TEST_P(Quantised, WidenedPanelsHoldTheValuesInBf16) {
  Rng rng(9);
  Team team(2);
  for (int round = 0; round < 12; ++round) {
    const QuantisedFormat format = random_format(rng, GetParam());
    const int64_t N = pick(rng, 1, 150), K = pick(rng, 1, 300);
    const Stored weight = random_matrix(rng, N, K, format);
    Bf16Panels panels{N, K};
    std::vector<uint16_t> values(static_cast<size_t>(panels.count()), 0x7FC0);  // NaN
    widen_to_bf16_panels(weight.matrix, values.data(), team);
    panels.values = values.data();
    // One row of zeros with a single one picks a column.
    std::vector<float> x(static_cast<size_t>(K), 0.0F), y(static_cast<size_t>(N)), row(static_cast<size_t>(K));
    const int64_t k = pick(rng, 0, K - 1);
    x[static_cast<size_t>(k)] = 1;
    panel_matmul({.M = 1, .weight = panels, .x = x.data(), .y = y.data()}, team);
    for (int64_t n = 0; n < N; ++n) {
      dequantise_output(weight.matrix, n, row.data());
      const float expected = row[static_cast<size_t>(k)];
      ASSERT_NEAR(y[static_cast<size_t>(n)], expected, std::abs(expected) / 200) << format_name(format) << " " << n;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Quantised,
                         testing::Values(QuantisedKind::Int8, QuantisedKind::Int4, QuantisedKind::Int4Offset,
                                         QuantisedKind::Q4K, QuantisedKind::Q6K));

TEST(QuantisedRows, CodesAreTheNearestAndGroupsHaveTheirOwnScale) {
  Team team(1);
  std::vector<float> x(64, 0.0F);
  x[0] = 127;
  x[1] = -0.6F;
  x[32] = -1;
  QuantisedRows rows;
  rows.assign(x.data(), 1, 64, 32, team);
  EXPECT_FLOAT_EQ(rows.scales(0)[0], 1);
  EXPECT_EQ(rows.codes(0)[0], 127);
  EXPECT_EQ(rows.codes(0)[1], -1);
  EXPECT_FLOAT_EQ(rows.scales(0)[1], 1 / 127.0F);
  EXPECT_EQ(rows.codes(0)[32], -127);
  EXPECT_EQ(rows.sums(0)[0], 126);
}

TEST(QuantisedRows, WhatIsNoNumberIsNotLost) {
  Team team(1);
  for (const float bad : {std::nanf(""), INFINITY, -INFINITY}) {
    std::vector<float> x(40, 1.0F);
    x[35] = bad;
    QuantisedRows rows;
    rows.assign(x.data(), 1, 40, 32, team);
    EXPECT_TRUE(std::isfinite(rows.scales(0)[0]));
    EXPECT_TRUE(std::isnan(rows.scales(0)[1]));
  }
}

TEST(NumberFormat, HalvesRoundToTheNearest) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = from_f16(half);
    if (std::isnan(value)) continue;
    EXPECT_EQ(to_f16(value), half);
    const float next = from_f16(static_cast<uint16_t>(half + 1));
    if ((half & 0x7FFFU) >= 0x7BFFU) continue;
    const float middle = (value + next) / 2;
    EXPECT_EQ(to_f16(middle), half % 2 == 0 ? half : half + 1) << bits;
    EXPECT_EQ(to_f16(std::nextafter(middle, value)), half);
    EXPECT_EQ(to_f16(std::nextafter(middle, next)), half + 1);
  }
  EXPECT_EQ(to_f16(65519.0F), 0x7BFF);
  EXPECT_EQ(to_f16(65520.0F), 0x7C00);
  EXPECT_TRUE(std::isnan(from_f16(to_f16(std::nanf("")))));
}

}  // namespace
}  // namespace magma
