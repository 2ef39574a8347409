#include "magma/data/normalisation.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/action/action_bins.h"
#include "magma/action/action_statistics.h"
#include "magma/core/error.h"
#include "magma/core/random.h"

namespace magma {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

Columns random_actions(int64_t rows) {
  Rng rng(5);
  Columns columns{.rows = rows, .width = 7, .values = {}};
  for (int64_t i = 0; i < rows * 7; ++i) {
    const bool gripper = i % 7 == 6, constant = i % 7 == 3;
    columns.values.push_back(constant  ? 0.25F
                             : gripper ? static_cast<float>(rng.integer(0, 1))
                                       : static_cast<float>(rng.normal()));
  }
  return columns;
}

TEST(ColumnStatistics, ByHand) {
  const Columns columns{.rows = 5, .width = 2, .values = {1, 10, 4, 10, 2, 10, 3, 10, 10, 10}};
  const ColumnStatistics got = column_statistics(columns);
  EXPECT_THAT(got.mean, ElementsAre(4, 10));
  EXPECT_THAT(got.std, ElementsAre(DoubleEq(std::sqrt(10.0)), 0));
  EXPECT_THAT(got.min, ElementsAre(1, 10));
  EXPECT_THAT(got.max, ElementsAre(10, 10));
  EXPECT_THAT(got.q01, ElementsAre(DoubleEq(1.04), 10));
  EXPECT_THAT(got.q99, ElementsAre(DoubleEq(9.76), 10));
}

TEST(ColumnStatistics, OfOneRowIsThatRow) {
  const ColumnStatistics got = column_statistics({.rows = 1, .width = 1, .values = {-3}});
  for (const auto& values : {got.mean, got.min, got.max, got.q01, got.q99}) EXPECT_THAT(values, ElementsAre(-3));
  EXPECT_THAT(got.std, ElementsAre(0));
}

TEST(ActionNormaliser, BoundsStayWithinOneAndConstantsBecomeZero) {
  const Columns actions = random_actions(500);
  const ColumnStatistics statistics = column_statistics(actions);
  for (const char* name : {"bounds", "bounds_q99"}) {
    const ActionNormaliser normaliser(statistics, parse_normalisation(name));
    for (int64_t row = 0; row < actions.rows; ++row) {
      std::array<float, 7> got{};
      normaliser.apply(actions.row(row), got);
      for (const float value : got) EXPECT_LE(std::abs(value), 1);
      EXPECT_EQ(got[3], 0);
      EXPECT_EQ(got[6], actions.row(row)[6]);
    }
  }
}

TEST(ActionNormaliser, AConstantGripperBecomesZeroToo) {
  Columns actions = random_actions(50);
  for (int64_t row = 0; row < actions.rows; ++row) actions.values[static_cast<size_t>(row * 7 + 6)] = 1;
  const ColumnStatistics statistics = column_statistics(actions);
  std::array<float, 7> got{};
  ActionNormaliser(statistics, Normalisation::BoundsQ99).apply(actions.row(0), got);
  EXPECT_EQ(got[6], 0);
  ActionNormaliser(statistics, Normalisation::Normal).apply(actions.row(0), got);
  EXPECT_EQ(got[6], 1);
}

TEST(ActionNormaliser, NormalHasMeanZeroAndDeviationOne) {
  const Columns actions = random_actions(2000);
  Columns normalised = actions;
  const ActionNormaliser normaliser(column_statistics(actions), Normalisation::Normal);
  for (int64_t row = 0; row < actions.rows; ++row) {
    normaliser.apply(actions.row(row), std::span(normalised.values).subspan(static_cast<size_t>(row) * 7, 7));
  }
  const ColumnStatistics after = column_statistics(normalised);
  for (const size_t i : {0, 1, 2, 4, 5}) {
    EXPECT_NEAR(after.mean[i], 0, 1e-6);
    EXPECT_NEAR(after.std[i], 1, 1e-5);
  }
}

// What the trainer writes as tokens, and the robot reads back: the action, as far as bins and percentiles let it.
TEST(ActionNormaliser, ActionsComeBackThroughTokens) {
  const Columns actions = random_actions(1000);
  const ColumnStatistics found = column_statistics(actions);
  ActionStatistics statistics{.scaled = kAllButGripper};
  for (size_t i = 0; i < kActionNumbers; ++i) {
    statistics.q01[i] = found.q01[i];
    statistics.q99[i] = found.q99[i];
  }
  const ActionNormaliser normaliser(found, Normalisation::BoundsQ99);
  const ActionBins bins(1000);
  for (int64_t row = 0; row < actions.rows; ++row) {
    std::array<float, kActionNumbers> normalised{};
    normaliser.apply(actions.row(row), normalised);
    ActionNumbers exact{}, told{};
    for (size_t i = 0; i < kActionNumbers; ++i) {
      exact[i] = normalised[i];
      told[i] = bins.decode(bins.encode(normalised[i]));
    }
    const ActionNumbers back = statistics.restored(exact), spoken = statistics.restored(told);
    for (const size_t i : {0, 1, 2, 4, 5}) {
      const double value = std::clamp<double>(actions.row(row)[i], found.q01[i], found.q99[i]);
      const double half_bin = (found.q99[i] - found.q01[i]) / 255;
      EXPECT_NEAR(back[i], value, 1e-6);
      EXPECT_NEAR(spoken[i], value, half_bin);
    }
    EXPECT_EQ(back[6], actions.row(row)[6]);
  }
}

TEST(ActionNormaliser, UnknownKindIsUsage) { EXPECT_THROW(parse_normalisation("minmax"), Error); }

TEST(OpenxStatistics, ComeBackFromTheirJson) {
  OpenxStatistics statistics;
  statistics.action = column_statistics(random_actions(100));
  statistics.proprio = column_statistics(random_actions(10));
  statistics.transitions = 100;
  statistics.trajectories = 3;
  std::string text;
  append_json(text, statistics);
  const OpenxStatistics back = parse_openx_statistics(Json::parse(text), "statistics.json", "");
  EXPECT_EQ(back.action.mean, statistics.action.mean);
  EXPECT_EQ(back.action.q99, statistics.action.q99);
  EXPECT_EQ(back.proprio.std, statistics.proprio.std);
  EXPECT_EQ(back.transitions, 100);
  EXPECT_EQ(back.trajectories, 3);
  Json six = Json::parse(text);
  six["action"]["q01"].erase(0);
  EXPECT_THROW(parse_openx_statistics(six, "statistics.json", ""), Error);
}

}  // namespace
}  // namespace magma
