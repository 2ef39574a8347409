// Rounding in the order of the inputs: the moments, their factor, and what the outputs gain by it.
#include "magma/nn/error_feedback.h"

#include <cmath>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/core/random.h"
#include "magma/nn/quantise_weights.h"

namespace magma {
namespace {

constexpr QuantisedFormat kFormats[] = {
    {QuantisedKind::Int4, 32}, {QuantisedKind::Int4, 128}, {QuantisedKind::Int4Offset, 64}, {QuantisedKind::Int8, 32}};

Tensor normal_matrix(int64_t rows, int64_t columns, uint64_t seed) {
  Rng rng(seed);
  Tensor matrix = Tensor::uninitialised({rows, columns});
  for (int64_t i = 0; i < matrix.count(); ++i) matrix.mutable_floats()[i] = static_cast<float>(rng.normal());
  return matrix;
}

// Neighbours are alike, and some are larger than others, as in a network.
Tensor correlated_inputs(int64_t rows, int64_t columns, uint64_t seed) {
  Tensor x = normal_matrix(rows, columns, seed);
  for (int64_t r = 0; r < rows; ++r) {
    float* row = x.mutable_floats() + r * columns;
    for (int64_t k = 1; k < columns; ++k) row[k] = 0.9F * row[k - 1] + 0.4F * row[k];
    for (int64_t k = 0; k < columns; k += 7) row[k] *= 4;
  }
  return x;
}

InputMoments moments_of(const Tensor& x, Team& team) {
  InputMoments moments(x.dim(1));
  moments.add(x.slice(0, x.dim(0) / 2), team);
  moments.add(x.slice(x.dim(0) / 2, x.dim(0)), team);
  return moments;
}

// |X W^T - X Q^T|^2
double output_error(const Tensor& x, const Tensor& weights, const Tensor& rounded) {
  double sum = 0;
  const int64_t K = x.dim(1);
  for (int64_t r = 0; r < x.dim(0); ++r) {
    for (int64_t n = 0; n < weights.dim(0); ++n) {
      double off = 0;
      for (int64_t k = 0; k < K; ++k) {
        off += static_cast<double>(x.floats()[r * K + k]) *
               (weights.floats()[n * K + k] - static_cast<double>(rounded.floats()[n * K + k]));
      }
      sum += off * off;
    }
  }
  return sum;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.bytes() == b.bytes() && std::memcmp(a.data(), b.data(), static_cast<size_t>(a.bytes())) == 0;
}

TEST(InputMoments, AreTheSumsOfProductsOfRowsOfLengthOne) {
  Team team(2);
  const Tensor x = correlated_inputs(50, 300, 1);
  std::vector<double> squares(50, 0);
  for (size_t i = 0; i < static_cast<size_t>(x.count()); ++i) squares[i / 300] += std::pow(x.floats()[i], 2);
  const InputMoments moments = moments_of(x, team);
  EXPECT_EQ(moments.rows(), 50);
  for (int64_t i = 0; i < 300; i += 23) {
    for (int64_t j = 0; j <= i; ++j) {
      double sum = 0, size = 0;
      for (int64_t r = 0; r < 50; ++r) {
        const double product =
            static_cast<double>(x.floats()[r * 300 + i]) * x.floats()[r * 300 + j] / squares[static_cast<size_t>(r)];
        sum += product;
        size += std::abs(product);
      }
      ASSERT_NEAR(moments.sums().floats()[i * 300 + j], sum, 1e-5 * size) << i << " " << j;
    }
  }
}

// M M^T gives the damped moments back.
TEST(ErrorFeedback, IsTheUpperFactorOfTheDampedMoments) {
  Team team(2);
  const int64_t K = 140;  // three steps of the factorisation, the last one short
  const InputMoments moments = moments_of(correlated_inputs(400, K, 2), team);
  const ErrorFeedback feedback(moments, team);
  const auto upper = [&](int64_t j, int64_t i) {
    const double diagonal = std::sqrt(static_cast<double>(feedback.costs()[static_cast<size_t>(i)]));
    const float* block = feedback.block(i / ErrorFeedback::kBlock);
    return i == j ? diagonal : diagonal * block[j * ErrorFeedback::kBlock + i % ErrorFeedback::kBlock];
  };
  double mean = 0;
  for (int64_t i = 0; i < K; ++i) mean += moments.sums().floats()[i * K + i] / static_cast<double>(K);
  for (int64_t i = 0; i < K; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      double product = 0;
      for (int64_t t = i; t < K; ++t) product += upper(i, t) * upper(j, t);
      const double expected = moments.sums().floats()[i * K + j] + (i == j ? ErrorFeedback::kDamping * mean : 0);
      ASSERT_NEAR(product, expected, 1e-5 * mean) << i << " " << j;
    }
  }
}

TEST(ErrorFeedback, OutputsOfNewInputsAreFarBetterThanWithPlainRounding) {
  Team team(2);
  const int64_t K = 200;  // the last group is short
  const Tensor weights = normal_matrix(70, K, 3), x = correlated_inputs(1000, K, 4),
               fresh = correlated_inputs(100, K, 5);
  const ErrorFeedback feedback(moments_of(x, team), team);
  for (const QuantisedFormat format : kFormats) {
    const Tensor plain = quantise_matrix(weights, format, {}, team).as_f32();
    const Tensor ordered = quantise_matrix(weights, format, feedback, team).as_f32();
    EXPECT_LT(output_error(fresh, weights, ordered), 0.5 * output_error(fresh, weights, plain)) << format_name(format);
    EXPECT_GT(output_error(fresh, weights, ordered), 0) << format_name(format);
  }
}

TEST(ErrorFeedback, IsTheSameForAnyNumberOfThreads) {
  const Tensor weights = normal_matrix(150, 700, 6), x = correlated_inputs(90, 700, 7);
  std::vector<Tensor> results;
  for (const int threads : {1, 2, 5}) {
    Team team(threads);
    results.push_back(quantise_matrix(weights, {QuantisedKind::Int4, 32}, {moments_of(x, team), team}, team));
  }
  EXPECT_TRUE(same_bytes(results[0], results[1]));
  EXPECT_TRUE(same_bytes(results[0], results[2]));
}

TEST(ErrorFeedback, InputsThatWereAlwaysZeroAreAllAlike) {
  Team team(2);
  const Tensor weights = normal_matrix(64, 128, 8);
  Tensor every_input = Tensor::zeros({128, 128});
  for (int64_t k = 0; k < 128; ++k) every_input.mutable_floats()[k * 129] = 1;
  const ErrorFeedback feedback(moments_of(Tensor::zeros({10, 128}), team), team);
  for (const QuantisedFormat format : kFormats) {
    const Tensor plain = quantise_matrix(weights, format, {}, team).as_f32();
    const Tensor ordered = quantise_matrix(weights, format, feedback, team).as_f32();
    EXPECT_LE(output_error(every_input, weights, ordered), output_error(every_input, weights, plain))
        << format_name(format);
  }
}

// Far fewer rows than inputs, some of them without a value: the damping alone holds the factor.
TEST(ErrorFeedback, MomentsOfLowRankAreNoTrouble) {
  Team team(2);
  const Tensor weights = normal_matrix(64, 128, 9);
  for (const int64_t rows : {1, 3}) {
    Tensor x = correlated_inputs(rows, 128, 10);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t k = 0; k < 40; ++k) x.mutable_floats()[r * 128 + k] = 0;
    }
    const ErrorFeedback feedback(moments_of(x, team), team);
    const Tensor plain = quantise_matrix(weights, kFormats[0], {}, team).as_f32();
    const Tensor ordered = quantise_matrix(weights, kFormats[0], feedback, team).as_f32();
    EXPECT_LT(output_error(x, weights, ordered), 0.2 * output_error(x, weights, plain)) << rows;
    for (int64_t i = 0; i < ordered.count(); ++i) {
      ASSERT_NEAR(ordered.floats()[i], weights.floats()[i], 1.5) << i;
    }
  }
}

TEST(ErrorFeedback, WeightsThatAreNoNumbersAreNamed) {
  Team team(2);
  Tensor weights = normal_matrix(64, 64, 11);
  weights.mutable_floats()[3 * 64 + 5] = NAN;
  const ErrorFeedback feedback(moments_of(correlated_inputs(20, 64, 12), team), team);
  try {
    quantise_matrix(weights, kFormats[0], feedback, team);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Malformed);
    EXPECT_THAT(error.line(), testing::HasSubstr("row 3, column 5"));
  }
}

}  // namespace
}  // namespace magma
