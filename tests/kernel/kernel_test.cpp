// Each kernel against its oracle in f64, at sizes around the edges of its blocks.
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "magma/kernel/activation.h"
#include "magma/kernel/attention.h"
#include "magma/kernel/bf16_panels.h"
#include "magma/kernel/depthwise.h"
#include "magma/kernel/matmul.h"
#include "magma/kernel/matmul_kernels.h"
#include "magma/kernel/norm.h"
#include "tests/kernel/kernel_values.h"

namespace magma {
namespace {

std::vector<uint16_t> as_bf16(const Values& values) {
  std::vector<uint16_t> bits;
  for (const float value : values) bits.push_back(to_bf16(value));
  return bits;
}

struct Size {
  int64_t M, N, K;
};

void expect_product(const Size& size, NumberFormat format) {
  const Values x = drawn(size.M * size.K, 1), weight = drawn(size.N * size.K, 2), bias = drawn(size.N, 3);
  std::vector<uint16_t> halves = as_bf16(weight);
  if (format == NumberFormat::F16) {
    for (uint16_t& bits : halves) bits = static_cast<uint16_t>((bits & 0x8000U) | (bits % 0x7C00U));
  }
  Values y(static_cast<size_t>(size.M * size.N)), expected = y;
  Matmul job{.M = size.M, .N = size.N, .K = size.K, .x = x.data(), .format = format, .bias = bias.data()};
  job.weight = format == NumberFormat::F32 ? static_cast<const void*>(weight.data()) : halves.data();
  job.y = expected.data();
  matmul_plain(job);
  double scale = 1;
  for (const float value : expected) scale = std::max(scale, static_cast<double>(std::abs(value)));
  for (const int threads : {1, 3}) {
    Team team(threads);
    job.y = y.data();
    matmul(job, team);
    EXPECT_LE(largest_difference(y, expected), 2e-6 * scale) << size.M << " " << size.N << " " << size.K;
  }
}

TEST(Kernel, ProductsOfEveryShapeAndFormat) {
  for (const NumberFormat format : {NumberFormat::F32, NumberFormat::BF16, NumberFormat::F16}) {
    for (const Size& size : {Size{1, 1, 1}, Size{1, 33, 257}, Size{3, 7, 64}, Size{16, 40, 100}, Size{17, 63, 31},
                             Size{18, 65, 256}, Size{23, 80, 513}, Size{500, 17, 9}}) {
      expect_product(size, format);
    }
  }
}

TEST(Kernel, PortableProductsToo) {
  const Values x = drawn(3 * 70, 1), weight = drawn(9 * 70, 2);
  Values y(27), expected(27);
  Matmul job{.M = 3, .N = 9, .K = 70, .x = x.data(), .weight = weight.data(), .y = expected.data()};
  matmul_plain(job);
  job.y = y.data();
  kPlainMatmul.few_rows(job, {0, 3, 0, 9});
  EXPECT_LE(largest_difference(y, expected), 1e-5F);
}

TEST(Kernel, ARowOfAProductDoesNotDependOnItsNeighbours) {
  const int64_t N = 70, K = 300;
  const Values x = drawn(40 * K, 1), weight = drawn(N * K, 2);
  Team team(2);
  for (const auto& [few, many] : {std::pair<int64_t, int64_t>{1, 16}, {17, 40}}) {
    Values a(static_cast<size_t>(few * N)), b(static_cast<size_t>(many * N));
    Matmul job{.M = few, .N = N, .K = K, .x = x.data(), .weight = weight.data(), .y = a.data()};
    matmul(job, team);
    job.M = many;
    job.y = b.data();
    matmul(job, team);
    b.resize(a.size());
    EXPECT_EQ(a, b);
  }
}

// Weights packed from bf16, and the product with them: by our own loops for few rows, by oneDNN where it has kernels.
TEST(Kernel, ProductsWithPackedWeights) {
  for (const Size& size : {Size{1, 1, 1}, Size{5, 64, 32}, Size{16, 70, 100}, Size{17, 65, 33}, Size{150, 400, 96}}) {
    const Values x = drawn(size.M * size.K, 1), bias = drawn(size.N, 3);
    const std::vector<uint16_t> weight = as_bf16(drawn(size.N * size.K, 2));
    Bf16Panels panels{size.N, size.K};
    std::vector<uint16_t> packed(static_cast<size_t>(panels.count()), 0x7FC0);  // NaN where nothing is written
    Team team(3);
    pack_bf16_panels(weight.data(), panels, packed.data(), team);
    panels.values = packed.data();
    Values y(static_cast<size_t>(size.M * size.N)), expected = y, x_rounded = x;
    PanelMatmul job{.M = size.M, .weight = panels, .x = x.data(), .bias = bias.data(), .y = expected.data()};
    panel_matmul_plain(job);
    job.y = y.data();
    panel_matmul(job, team);
    EXPECT_LE(largest_difference(y, expected), 1e-5F * std::sqrt(static_cast<float>(size.K))) << size.M;
    // And as the other oracle sees it, from weights that are not packed.
    for (float& value : x_rounded) value = from_bf16(to_bf16(value));
    matmul_plain({.M = size.M,
                  .N = size.N,
                  .K = size.K,
                  .x = x_rounded.data(),
                  .weight = weight.data(),
                  .format = NumberFormat::BF16,
                  .bias = bias.data(),
                  .y = y.data()});
    EXPECT_EQ(y, expected) << size.M;
  }
}

TEST(Kernel, ARowOfAPackedProductDoesNotDependOnItsNeighbours) {
  const int64_t N = 200, K = 300;
  const Values x = drawn(1024 * K, 1);
  const std::vector<uint16_t> weight = as_bf16(drawn(N * K, 2));
  Bf16Panels panels{N, K};
  std::vector<uint16_t> packed(static_cast<size_t>(panels.count()));
  Team team(2), alone(1);
  pack_bf16_panels(weight.data(), panels, packed.data(), team);
  panels.values = packed.data();
  for (const auto& [few, many] : {std::pair<int64_t, int64_t>{1, 16}, {17, 40}, {33, 300}, {140, 270}, {128, 1024}}) {
    Values a(static_cast<size_t>(few * N)), b(static_cast<size_t>(many * N));
    panel_matmul({.M = few, .weight = panels, .x = x.data(), .y = a.data()}, alone);
    panel_matmul({.M = many, .weight = panels, .x = x.data(), .y = b.data()}, team);
    b.resize(a.size());
    EXPECT_EQ(a, b) << few;
  }
}

TEST(Kernel, Norms) {
  Team team(2);
  for (const int64_t width : {4, 37, 384}) {
    const Values x = drawn(33 * width, 1), weight = drawn(width, 2), bias = drawn(width, 3);
    Values y(x.size()), expected(x.size());
    Norm job{33, width, x.data(), weight.data(), bias.data(), 1e-5F, expected.data()};
    layer_norm_plain(job);
    job.y = y.data();
    layer_norm(job, team);
    EXPECT_LE(largest_difference(y, expected), 4e-6F);
    job.y = expected.data();
    rms_norm_plain(job);
    job.y = y.data();
    rms_norm(job, team);
    EXPECT_LE(largest_difference(y, expected), 4e-6F);
  }
}

// model.md 4.2 and 10.
TEST(Kernel, NormsOfTheSpecification) {
  Team team(1);
  const Values x = {1, 2, 3, 4}, ones(4, 1.0F), zeros(4, 0.0F);
  Values y(4);
  layer_norm({1, 4, x.data(), ones.data(), zeros.data(), 1e-5F, y.data()}, team);
  EXPECT_LE(largest_difference(y, {-1.341635F, -0.447212F, 0.447212F, 1.341635F}), 1e-6F);
  rms_norm({1, 4, x.data(), ones.data(), nullptr, 1e-5F, y.data()}, team);
  EXPECT_LE(largest_difference(y, {0.365148F, 0.730296F, 1.095444F, 1.460593F}), 1e-6F);
}

TEST(Kernel, Activations) {
  Team team(2);
  Values x;
  for (int i = -4000; i <= 4003; ++i) x.push_back(static_cast<float>(i) / 300);
  Values y = x, product = x;
  gelu(y.data(), static_cast<int64_t>(y.size()), team);
  const Values up = drawn(static_cast<int64_t>(x.size()), 4);
  silu_product(product.data(), up.data(), static_cast<int64_t>(x.size()), team);
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(y[i], gelu_plain(x[i]), 4e-7 * std::max(1.0F, std::abs(x[i]))) << x[i];
    const float expected = silu_plain(x[i]) * up[i];
    EXPECT_NEAR(product[i], expected, 4e-7 * std::max(1.0F, std::abs(expected))) << x[i];
  }
  EXPECT_NEAR(gelu_plain(1), 0.8413447, 1e-7);
  EXPECT_NEAR(gelu_plain(-1), -0.1586553, 1e-7);
}

TEST(Kernel, SoftmaxSumsToOneAndTakesLargeNumbers) {
  Values x = {-1000, 500, 499, 0, 3, 500, 1, 2, 100, 498};
  softmax(x.data(), 10);
  double total = 0;
  for (const float value : x) total += value;
  EXPECT_NEAR(total, 1, 1e-6);
  EXPECT_NEAR(x[2] / x[1], std::exp(-1.0), 1e-6);
  EXPECT_EQ(x[0], 0);
}

TEST(Kernel, Depthwise) {
  Team team(2);
  for (const auto& [H, W, C] :
       {std::tuple<int64_t, int64_t, int64_t>{1, 1, 3}, {5, 9, 8}, {12, 17, 20}, {16, 16, 40}}) {
    const Values x = drawn(2 * H * W * C, 1), weight = drawn(49 * C, 2), bias = drawn(C, 3);
    Values y(x.size()), expected(x.size());
    Depthwise job{2, H, W, C, x.data(), weight.data(), bias.data(), expected.data()};
    depthwise_plain(job);
    job.y = y.data();
    depthwise(job, team);
    EXPECT_LE(largest_difference(y, expected), 2e-5F) << H << " " << W << " " << C;
  }
}

// model.md 4.2: D = 4, theta 10000, position 1.
TEST(Kernel, RotationOfTheSpecification) {
  Values q = {1, 2, 3, 4};
  const Values cosines = {std::cos(1.0F), std::cos(0.01F)}, sines = {std::sin(1.0F), std::sin(0.01F)};
  rotate({1, 4, cosines.data(), sines.data(), q.data(), 4});
  EXPECT_LE(largest_difference(q, {-1.984111F, 1.959901F, 2.462378F, 4.019800F}), 2e-6F);
}

TEST(Kernel, HalfPrecisionNumbers) {
  EXPECT_EQ(from_f16(0x3C00), 1.0F);
  EXPECT_EQ(from_f16(0xC000), -2.0F);
  EXPECT_EQ(from_f16(0x0001), 0x1p-24F);
  EXPECT_EQ(from_f16(0x7C00), INFINITY);
  EXPECT_TRUE(std::isnan(from_f16(0x7E00)));
  EXPECT_EQ(to_bf16(1.0F), 0x3F80);
  EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3F808000U)), 0x3F80);  // a tie goes to even
  EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3F818000U)), 0x3F82);
  EXPECT_TRUE(std::isnan(from_bf16(to_bf16(NAN))));
}

TEST(Team, CarriesFailuresBack) {
  Team team(3);
  EXPECT_THROW(team.run(100,
                        [](int64_t i) {
                          if (i == 50) throw std::runtime_error("fifty");
                        }),
               std::runtime_error);
  std::vector<int> done(1000);
  for (int round = 0; round < 200; ++round) team.run(1000, [&](int64_t i) { ++done[static_cast<size_t>(i)]; });
  EXPECT_EQ(done, std::vector<int>(1000, 200));
}

}  // namespace
}  // namespace magma
