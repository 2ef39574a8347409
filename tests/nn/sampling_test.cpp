#include "magma/nn/sampling.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "magma/core/error.h"

namespace magma {
namespace {

int64_t best(const std::vector<float>& logits, const SamplingOptions& options, const std::set<int64_t>& seen = {}) {
  Rng rng(1);
  return choose_token(logits, options, seen, rng);
}

std::map<int64_t, double> shares(const std::vector<float>& logits, const SamplingOptions& options) {
  Rng rng(7);
  std::map<int64_t, double> counts;
  for (int i = 0; i < 20000; ++i) counts[choose_token(logits, options, {}, rng)] += 1.0 / 20000;
  return counts;
}

TEST(Sampling, GreedyTakesTheLowestOfEqualIds) {
  EXPECT_EQ(best({1, 5, 5, 2}, {}), 1);
  EXPECT_EQ(best({0, -0.0F, 0}, {}), 0);
}

TEST(Sampling, RangesAllowAndBan) {
  EXPECT_EQ(best({9, 1, 3, 8}, {.allowed = IdRange{1, 2}, .banned = {}}), 2);
  EXPECT_EQ(best({9, 1, 3, 8}, {.allowed = {}, .banned = IdRange{0, 0}}), 3);
  EXPECT_THROW(best({9, 1}, {.allowed = IdRange{5, 6}, .banned = {}}), Error);
}

TEST(Sampling, RepetitionMakesSeenTokensUnlikelier) {
  const SamplingOptions options{.repetition_penalty = 2, .allowed = {}, .banned = {}};
  EXPECT_EQ(best({4, 3}, options, {0}), 1);
  EXPECT_EQ(best({-1, -1.5F}, options, {0}), 1);
}

TEST(Sampling, SharesFollowTheTemperature) {
  const std::vector<float> logits = {0, std::log(2.0F), std::log(5.0F)};
  const auto plain = shares(logits, {.temperature = 1, .allowed = {}, .banned = {}});
  EXPECT_NEAR(plain.at(0), 1.0 / 8, 0.01);
  EXPECT_NEAR(plain.at(2), 5.0 / 8, 0.01);
  const auto hot = shares(logits, {.temperature = 2, .allowed = {}, .banned = {}});
  EXPECT_NEAR(hot.at(2), std::sqrt(5.0) / (1 + std::sqrt(2.0) + std::sqrt(5.0)), 0.01);
}

TEST(Sampling, TopKAndTopPCut) {
  const std::vector<float> logits = {0, std::log(2.0F), std::log(5.0F), 0};
  EXPECT_EQ(shares(logits, {.temperature = 1, .top_k = 1, .allowed = {}, .banned = {}}).size(), 1U);
  const auto three = shares(logits, {.temperature = 1, .top_k = 3, .allowed = {}, .banned = {}});
  EXPECT_EQ(three.size(), 3U);
  EXPECT_FALSE(three.contains(3));  // equal to id 0, which comes first
  EXPECT_EQ(shares(logits, {.temperature = 1, .top_p = 0.5, .allowed = {}, .banned = {}}).size(), 1U);
  EXPECT_EQ(shares(logits, {.temperature = 1, .top_p = 0.6, .allowed = {}, .banned = {}}).size(), 2U);
}

TEST(Sampling, RefusesNonsense) {
  EXPECT_THROW(require_valid({.temperature = -1, .allowed = {}, .banned = {}}), Error);
  EXPECT_THROW(require_valid({.temperature = NAN, .allowed = {}, .banned = {}}), Error);
  EXPECT_THROW(require_valid({.top_p = 0, .allowed = {}, .banned = {}}), Error);
  EXPECT_THROW(require_valid({.repetition_penalty = 0, .allowed = {}, .banned = {}}), Error);
  try {
    best({1, NAN}, {});
    FAIL();
  } catch (const Error& caught) {
    EXPECT_EQ(caught.code(), ErrorCode::Numerical);
  }
}

}  // namespace
}  // namespace magma
