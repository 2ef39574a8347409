#include "magma/data/openx_layout.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/error.h"

namespace magma {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename T>
StoredValue stored(Element element, std::vector<int64_t> shape, const std::vector<T>& values) {
  return {.element = element,
          .shape = std::move(shape),
          .bytes = std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)),
          .strings = {},
          .row_lengths = {}};
}

struct MadeEpisode {
  int64_t steps = 0;
  std::map<std::string, StoredValue> values{};
  std::vector<std::string> language{};

  void floats(const std::string& key, int64_t width, std::vector<float> numbers) {
    values[key] = stored(Element::F32, {steps, width}, numbers);
  }
  EpisodeSteps read() const {
    return {.steps = steps,
            .value = [this](std::string_view key) { return values.at(std::string(key)); },
            .text = [this](std::string_view, int64_t step) -> std::string_view {
              return language.at(static_cast<size_t>(step));
            }};
  }
};

Error error_of(const OpenxLayout& layout, const MadeEpisode& episode) {
  try {
    layout.standardise(episode.read(), false);
  } catch (const Error& error) {
    return error;
  }
  throw std::logic_error("it was standardised");
}

Error error_of(const std::string& dataset) {
  try {
    const OpenxLayout layout(dataset);
  } catch (const Error& error) {
    return error;
  }
  throw std::logic_error("there is such a layout");
}

TEST(OpenxLayout, EveryRecipeMakesSevenNumbers) {
  int readable = 0;
  for (const OpenxLayoutRow& row : openx_layout_rows()) {
    const Recipe proprio(row.proprio);
    EXPECT_FALSE(proprio.terms().empty()) << row.name;
    if (row.action.empty()) continue;
    ++readable;
    EXPECT_EQ(Recipe(row.action).width(), 7) << row.name;
  }
  EXPECT_EQ(openx_layout_rows().size(), 70U);
  EXPECT_EQ(readable, 65);
}

TEST(OpenxLayout, WhatIsNotStatedIsRefusedByName) {
  for (const char* name : {"columbia_cairlab_pusht_real", "rh20t", "roboset",
                           "berkeley_mvp_converted_externally_to_rlds", "berkeley_rpt_converted_externally_to_rlds"}) {
    const Error error = error_of(name);
    EXPECT_EQ(error.code(), ErrorCode::Refused);
    EXPECT_THAT(error.line(), HasSubstr(name));
  }
  EXPECT_EQ(error_of("bridge_orgi").code(), ErrorCode::Usage);
  EXPECT_THAT(error_of("bridge_orgi").fields().hint, HasSubstr("bridge_orig"));
}

MadeEpisode bridge(int64_t steps) {
  MadeEpisode episode{.steps = steps};
  std::vector<float> action, state;
  for (int64_t t = 0; t < steps; ++t) {
    for (int i = 0; i < 6; ++i) action.push_back(9);
    action.push_back(t < 2 ? 0.5F : 1.0F);
    for (int i = 0; i < 6; ++i) state.push_back(static_cast<float>((t + 1) * (t + 1) * (i + 1)));
    state.push_back(0.25F * static_cast<float>(t));
    episode.language.push_back(t == 0 ? "LEFT OUT" : "Close the Drawer");
  }
  episode.floats("steps/action", 7, action);
  episode.floats("steps/observation/state", 7, state);
  return episode;
}

TEST(OpenxLayout, BridgeLeavesOutTheFirstAndTheLastStep) {
  const OpenxLayout layout("bridge_orig");
  const MadeEpisode episode = bridge(5);
  const OpenxTrajectory trajectory = layout.standardise(episode.read(), true);
  ASSERT_EQ(trajectory.size(), 3);
  EXPECT_EQ(trajectory.first_step, 1);
  EXPECT_THAT(trajectory.actions.row(0), ElementsAre(5, 10, 15, 20, 25, 30, 1));  // 3^2 - 2^2; the gripper goes to open
  EXPECT_THAT(trajectory.actions.row(2), ElementsAre(9, 18, 27, 36, 45, 54, 1));
  EXPECT_THAT(trajectory.proprio.row(2), ElementsAre(16, 32, 48, 64, 80, 96, 0, 0.75F));
  EXPECT_EQ(trajectory.language(0), "close the drawer");
  EXPECT_EQ(trajectory.texts.size(), 1U);
  for (const int64_t steps : {0, 1, 2}) EXPECT_EQ(layout.standardise(bridge(steps).read(), true).size(), 0) << steps;
}

TEST(OpenxLayout, ActionsOfSeveralFeatures) {
  MadeEpisode episode{.steps = 3, .values = {}, .language = {"A", "B", "B"}};
  episode.floats("steps/action/world_vector", 3, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  episode.floats("steps/action/rotation_delta", 3, {0, 0, 1, 0, 0, 2, 0, 0, 3});
  episode.floats("steps/action/gripper_closedness_action", 1, {0, 1, 0});
  const OpenxTrajectory trajectory = OpenxLayout("fractal20220817_data").standardise(episode.read(), false);
  EXPECT_THAT(trajectory.actions.row(0), ElementsAre(1, 2, 3, 0, 0, 1, 1));
  EXPECT_THAT(trajectory.actions.row(2), ElementsAre(7, 8, 9, 0, 0, 3, 0));
  EXPECT_EQ(trajectory.language(0), "a");
  EXPECT_EQ(trajectory.language(2), "b");
  EXPECT_EQ(trajectory.proprio.width, 0);
}

TEST(OpenxLayout, LanguageOfCodePointsEndsAtTheFirstZero) {
  MadeEpisode episode{.steps = 1};
  episode.floats("steps/action", 2, {0.5F, -0.5F});
  episode.values["steps/observation/instruction"] =
      stored<int32_t>(Element::I32, {1, 6}, {'P', 0xDC, 0x1F600, 0, 'x', 0});
  const OpenxTrajectory trajectory = OpenxLayout("language_table").standardise(episode.read(), false);
  EXPECT_EQ(trajectory.language(0), "pü\U0001F600");
  EXPECT_THAT(trajectory.actions.row(0), ElementsAre(0.5F, -0.5F, 0, 0, 0, 0, 1));
  episode.values["steps/observation/instruction"] = stored<int32_t>(Element::I32, {1, 2}, {0xD800, 0});
  EXPECT_THAT(error_of(OpenxLayout("language_table"), episode).fields().where, HasSubstr("instruction, step 0"));
}

TEST(OpenxLayout, FaultsNameFeatureAndStep) {
  const OpenxLayout layout("libero_goal_no_noops");
  MadeEpisode episode{.steps = 2, .values = {}, .language = {"a", "a"}};
  episode.floats("steps/action", 7, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, std::nanf("")});
  EXPECT_EQ(error_of(layout, episode).fields().where, "feature steps/action, step 1");
  episode.floats("steps/action", 5, std::vector<float>(10, 1));
  EXPECT_EQ(error_of(layout, episode).fields().expected, "6 or more");
  episode.values["steps/action"] = {Element::String, {2}, "", {"", ""}, {}};
  EXPECT_EQ(error_of(layout, episode).code(), ErrorCode::Malformed);
  episode.floats("steps/action", 7, std::vector<float>(14, 1));
  episode.language[1] = "\xFF";
  EXPECT_EQ(error_of(layout, episode).fields().where, "feature steps/language_instruction, step 1");
  const OpenxLayout whole("maniskill_dataset_converted_externally_to_rlds");
  episode.floats("steps/action", 8, std::vector<float>(16, 1));
  EXPECT_EQ(error_of(whole, episode).fields().got, "8");
}

TEST(OpenxLayout, TheNameIsThatOfTheFolder) {
  EXPECT_EQ(openx_dataset_name("data/viola/0.1.0"), "viola");
  EXPECT_EQ(openx_dataset_name("data/viola/0.1.0/"), "viola");
  EXPECT_EQ(openx_dataset_name("data/viola/some_config/0.1.0"), "viola");
  EXPECT_THROW(openx_dataset_name("data/my_robot/1.0.0"), Error);
}

TEST(OpenxLayout, OnlyDroidTossesForItsCamera) {
  const OpenxLayout droid("droid"), bridge_orig("bridge_orig"), door("nyu_door_opening_surprising_effectiveness");
  EXPECT_EQ(droid.primary_camera(0.7), "steps/observation/exterior_image_1_left");
  EXPECT_EQ(droid.primary_camera(0.3), "steps/observation/exterior_image_2_left");
  EXPECT_EQ(bridge_orig.primary_camera(0.3), "steps/observation/image_0");
  EXPECT_EQ(door.primary_camera(0.3), "");
}

}  // namespace
}  // namespace magma
