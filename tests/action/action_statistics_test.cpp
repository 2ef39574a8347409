#include "magma/action/action_statistics.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/random.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Json one_set() {
  return Json::parse(R"({"action": {"q01": [-1, -2, -3, -4, -5, -6, 0], "q99": [1, 2, 3, 4, 5, 6, 1],
    "min": [-9, -9, -9, -9, -9, -9, 1], "max": [9, 9, 9, 9, 9, 9, 1],
    "mask": [true, true, true, true, true, true, false]}, "num_transitions": 10, "num_trajectories": 2})");
}

Error error_of(const Json& root) {
  try {
    ActionStatisticsTable::parse(root, "dataset_statistics.json");
  } catch (const Error& error) {
    return error;
  }
  throw std::logic_error("it was read");
}

TEST(ActionStatistics, PublishedSetsRestoreAsTheReferenceDoes) {
  std::ifstream file(Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model/reference/actions.json");
  const Json facts = Json::parse(file);
  const auto table = ActionStatisticsTable::published();
  ASSERT_EQ(facts.at("unnormalise").size(), 80U);
  for (const Json& row : facts.at("unnormalise")) {
    const ActionNumbers got =
        table.at(row.at("statistics").get<std::string>()).restored(row.at("normalised").get<ActionNumbers>());
    const auto expected = row.at("unnormalised").get<ActionNumbers>();
    for (size_t i = 0; i < kActionNumbers; ++i) EXPECT_NEAR(got[i], expected[i], 1e-15);
  }
}

TEST(ActionStatistics, NormalisedValuesComeBack) {
  const auto table = ActionStatisticsTable::published();
  Rng rng(4);
  for (const std::string& key : table.keys()) {
    const ActionStatistics& set = table.at(key);
    for (int k = 0; k < 2000; ++k) {
      ActionNumbers values{};
      for (size_t i = 0; i < kActionNumbers; ++i) values[i] = rng.uniform(set.q01[i], set.q99[i]);
      const ActionNumbers back = set.restored(set.normalised(values));
      for (size_t i = 0; i < kActionNumbers; ++i) EXPECT_NEAR(back[i], values[i], 2e-8) << key << " " << kActionAxes[i];
    }
  }
}

TEST(ActionStatistics, ValuesBeyondThePercentilesAreClippedAndConstantsAreZero) {
  const auto table = ActionStatisticsTable::parse({{"lab", one_set()}}, "dataset_statistics.json");
  const ActionNumbers result = table.at("lab").normalised({100, -100, 0, 4, -5, 3, 1});
  EXPECT_EQ(result[0], 1);
  EXPECT_EQ(result[1], -1);
  EXPECT_NEAR(result[2], 0, 1e-8);
  EXPECT_EQ(result[6], 0);
  EXPECT_EQ(table.at("lab").restored({0, 0, 0, 0, 0, 0, 0.7})[6], 0.7);
}

TEST(ActionStatistics, WithoutAMaskEveryNumberIsScaled) {
  Json set = one_set();
  set["action"].erase("mask");
  const auto table = ActionStatisticsTable::parse({{"lab", set}}, "dataset_statistics.json");
  EXPECT_EQ(table.at("").restored({0, 0, 0, 0, 0, 0, 1})[6], 1);
  EXPECT_EQ(table.at("").restored({0, 0, 0, 0, 0, 0, 0})[6], 0.5);
}

TEST(ActionStatistics, KeysAreNamedWhenNoneFits) {
  const auto table = ActionStatisticsTable::published();
  EXPECT_THAT(table.keys(), ElementsAre("bridge_orig", "google_robot"));
  EXPECT_EQ(table.resolve("widowx_bridge"), "bridge_orig");
  EXPECT_EQ(table.resolve("fractal20220817_data"), "google_robot");
  for (const std::string& key : {std::string(), std::string("bridge_orgi"), std::string("libero")}) {
    try {
      table.resolve(key);
      FAIL() << key;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Usage);
      EXPECT_THAT(error.line(), HasSubstr("bridge_orig, google_robot"));
    }
  }
  const auto libero = ActionStatisticsTable::parse({{"libero_goal_no_noops", one_set()}}, "f");
  EXPECT_EQ(libero.resolve("libero_goal"), "libero_goal_no_noops");
  EXPECT_EQ(libero.resolve(""), "libero_goal_no_noops");
  EXPECT_THROW(libero.resolve("bridge_orig"), Error);
}

TEST(ActionStatistics, TheFileOfAFolderIsTheOnlySource) {
  const TemporaryFolder folder;
  EXPECT_THAT(ActionStatisticsTable::read(folder.path()).keys(), ElementsAre("bridge_orig", "google_robot"));
  std::ofstream(folder.path() / "dataset_statistics.json") << Json{{"lab", one_set()}}.dump();
  EXPECT_THAT(ActionStatisticsTable::read(folder.path()).keys(), ElementsAre("lab"));
}

TEST(ActionStatistics, FaultsAreNamedByTheirPlace) {
  struct Case {
    std::string pointer;
    Json value;
    std::string where;
  };
  const std::vector<Case> cases = {{"/lab/action/q01", Json::array({1, 2}), "/lab/action/q01"},
                                   {"/lab/action/q99/3", "4", "/lab/action/q99/3"},
                                   {"/lab/action/q01/0", 2, "/lab/action/q01/0"},
                                   {"/lab/action/mask/6", 0, "/lab/action/mask/6"},
                                   {"/lab/action/masks", Json::array(), "/lab/action/masks"},
                                   {"/lab/action", 5, "/lab/action"},
                                   {"/lab", Json::array(), "/lab"}};
  for (const Case& one : cases) {
    Json root = {{"lab", one_set()}};
    root[Json::json_pointer(one.pointer)] = one.value;
    const Error error = error_of(root);
    EXPECT_EQ(error.code(), ErrorCode::Malformed) << error.line();
    EXPECT_EQ(error.fields().where, one.where) << error.line();
    EXPECT_EQ(error.fields().file, "dataset_statistics.json");
  }
  EXPECT_EQ(error_of(Json::object()).code(), ErrorCode::Malformed);
}

}  // namespace
}  // namespace magma
