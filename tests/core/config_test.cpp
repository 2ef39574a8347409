#include "magma/core/config.h"

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

struct Camera {
  double eps_px = 1.5;
  bool on = true;
  template <typename Visitor>
  void fields(Visitor& v) {
    v("eps_px", eps_px, "speed");
    v("on", on, "whether it is on");
  }
};

struct Sample {
  int64_t seed = 3;
  int grid = 15;
  std::string name = "a b";
  Camera camera;
  double rate = 0.1;
  template <typename Visitor>
  void fields(Visitor& v) {
    v("seed", seed, "seed of all");
    v("grid", grid, "points");
    v("name", name, "a name");
    v("camera", camera, "camera");
    v("rate", rate, "a rate");
  }
};

class ConfigTest : public testing::Test {
 protected:
  Error error_of(const std::string& yaml) {
    try {
      load(yaml);
    } catch (const Error& error) {
      return error;
    }
    return {ErrorCode::Bug, {.what = "accepted"}};
  }
  void load(const std::string& yaml) {
    const Path path = folder_.path() / "c.yaml";
    std::ofstream(path, std::ios::binary) << yaml;
    load_yaml(view_, path);
  }
  TemporaryFolder folder_;
  Sample sample_;
  ConfigView view_ = config_view(sample_);
};

TEST_F(ConfigTest, YamlSetsWhatItNamesAndNothingElse) {
  load("grid: 9\ncamera:\n  eps_px: 2\n  on: false\nname: 'yes'\n");
  EXPECT_EQ(sample_.grid, 9);
  EXPECT_EQ(sample_.camera.eps_px, 2);
  EXPECT_FALSE(sample_.camera.on);
  EXPECT_EQ(sample_.name, "yes");
  EXPECT_EQ(sample_.seed, 3);
  EXPECT_NO_THROW(load(""));
}

TEST_F(ConfigTest, WhatIsWrittenReadsBackTheSame) {
  sample_.rate = 1.0 / 3;
  sample_.name = "quo\"te: # ~";
  const std::string yaml = to_yaml(view_);
  const nlohmann::json before = to_json(view_);
  sample_ = Sample();
  load(yaml);
  EXPECT_EQ(to_json(view_), before);
  EXPECT_NE(yaml.find("camera:\n  # speed\n  eps_px: 1.5\n"), std::string::npos);
  EXPECT_EQ(before["camera"]["on"], true);
}

TEST_F(ConfigTest, UnknownSettingSuggestsTheNearest) {
  const Error error = error_of("camera:\n  eps_xp: 1\n");
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_EQ(error.fields().hint, "did you mean camera.eps_px");
  EXPECT_EQ(error.fields().where, "2:11 camera.eps_xp");
}

TEST_F(ConfigTest, NumbersAndBooleansAreStrict) {
  for (const char* value : {"010", "0x10", "1_000", "1.0", "1e3", "yes", "'3'", "99999999999", "-", "12:30", "~", ""}) {
    const std::string yaml = std::string("grid: ") + value + "\n";
    EXPECT_EQ(error_of(yaml).code(), ErrorCode::Usage) << value;
  }
  for (const char* value : {"yes", "on", "True", "1", "\"true\""}) {
    EXPECT_EQ(error_of(std::string("camera: {on: ") + value + "}\n").code(), ErrorCode::Usage) << value;
  }
  for (const char* value : {".inf", ".nan", "nan", "inf", "1e999", "+1", "1e", "0x1p3"}) {
    EXPECT_EQ(error_of(std::string("rate: ") + value + "\n").code(), ErrorCode::Usage) << value;
  }
}

TEST_F(ConfigTest, AliasesAnchorsTagsAndDepthAreRefused) {
  for (const char* yaml :
       {"name: &a x\n", "seed: !!int 3\n", "name: !x y\n", "a: &a [1]\nb: *a\n", "&r {seed: 1}\n", "seed: *x\n"}) {
    const ErrorCode code = error_of(yaml).code();
    EXPECT_TRUE(code == ErrorCode::Refused || code == ErrorCode::Usage) << yaml;
  }
  EXPECT_EQ(error_of("name: &a x\n").code(), ErrorCode::Refused);
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "{a: ";
  EXPECT_EQ(error_of(deep + std::string(100, '}')).code(), ErrorCode::Refused);
}

TEST_F(ConfigTest, MalformedDocumentsAreUsageErrorsWithAPlace) {
  for (const char* yaml : {"seed: 1\nseed: 2\n", "- 1\n", "seed: [1]\n", "seed: 1\n---\nseed: 2\n", "{", "just text\n",
                           "seed: 1\n bad: : x\n", "\xff: 1\n", "? {a: 1}\n: 2\n"}) {
    const Error error = error_of(yaml);
    EXPECT_EQ(error.code(), ErrorCode::Usage) << yaml;
    EXPECT_FALSE(error.fields().where.empty()) << yaml;
  }
}

TEST_F(ConfigTest, AssignmentsOnTheCommandLine) {
  set(view_, "camera.eps_px=-2.5e1");
  set(view_, "name=a=b");
  EXPECT_EQ(sample_.camera.eps_px, -25);
  EXPECT_EQ(sample_.name, "a=b");
  for (const char* text : {"seed", "=1", "sed=1", "seed=", "seed=1.5"}) EXPECT_THROW(set(view_, text), Error) << text;
}

struct Mixture {
  ConfigNumbers weights = {{"a", 1}, {"b", 2}};
  ConfigTexts tags = {"x"};
  template <typename Visitor>
  void fields(Visitor& v) {
    v("weights", weights, "by name");
    v("tags", tags, "texts");
  }
};

TEST(ConfigNumbersByName, AMappingReplacesThemAndOneNameAddsToThem) {
  Mixture mixture;
  const ConfigView view = config_view(mixture);
  set(view, "weights.c=3");
  EXPECT_EQ(mixture.weights, (ConfigNumbers{{"a", 1}, {"b", 2}, {"c", 3}}));
  set(view, "weights={d: 4}");
  EXPECT_EQ(mixture.weights, (ConfigNumbers{{"d", 4}}));
  set(view, "weights={}");
  EXPECT_EQ(mixture.weights, ConfigNumbers{});
  set(view, "tags=[y, z]");
  EXPECT_EQ(mixture.tags, (ConfigTexts{"y", "z"}));
}

TEST(ConfigNumbersByName, AMisspeltListOrMappingIsToldTheNearestName) {
  Mixture mixture;
  const ConfigView view = config_view(mixture);
  for (const auto& [assignment, near] :
       {std::pair{"tagz=[y]", "did you mean tags"}, {"weight={a: 1}", "did you mean"}}) {
    try {
      set(view, assignment);
      FAIL() << assignment;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Usage);
      EXPECT_EQ(error.fields().what, "unknown setting") << error.line();
      EXPECT_EQ(error.fields().hint.rfind(near, 0), 0U) << error.line();
    }
  }
}

}  // namespace
}  // namespace magma
