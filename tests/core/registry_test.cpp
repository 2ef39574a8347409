#include "magma/core/registry.h"

#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/core/text_distance.h"

namespace magma {
namespace {

struct Shape {
  static constexpr const char* kKind = "shape";
  virtual ~Shape() = default;
  virtual int corners() const = 0;
};
using Shapes = Registry<Shape>;

struct Square : Shape {
  static constexpr const char* kSummary = "four corners";
  int corners() const override { return 4; }
};
MAGMA_REGISTER(Shapes, Square);

TEST(Registry, NamesAPlugInAfterItsFile) {
  EXPECT_EQ(plugin_name("x/y/trackers/classical.cpp"), "classical");
  EXPECT_EQ(Shapes::make("registry_test")->corners(), 4);
  EXPECT_EQ(Shapes::entries().at("registry_test").summary, "four corners");
}

TEST(Registry, UnknownNameIsAUsageErrorWithTheNearest) {
  try {
    Shapes::make("registry_tset");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Usage);
    EXPECT_EQ(error.fields().what, "unknown shape");
    EXPECT_EQ(error.fields().hint, "did you mean registry_test");
  }
}

TEST(NearestWord, FindsMisspellingsAndNothingFarther) {
  const std::vector<std::string> known = {"track", "mark", "split", "info"};
  EXPECT_EQ(nearest_word("tarck", known), "track");
  EXPECT_EQ(nearest_word("splitt", known), "split");
  EXPECT_EQ(nearest_word("completion", known), "");
  EXPECT_EQ(nearest_word("", known), "");
  EXPECT_EQ(nearest_word(std::string(100'000, 'x'), known), "");
}

}  // namespace
}  // namespace magma
