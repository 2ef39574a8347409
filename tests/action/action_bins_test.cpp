#include "magma/action/action_bins.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/file.h"
#include "magma/core/random.h"

namespace magma {
namespace {

nlohmann::json reference() {
  std::ifstream file(Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model/reference/actions.json");
  return nlohmann::json::parse(file);
}

TEST(ActionBins, AreThoseOfTheReference) {
  const nlohmann::json facts = reference();
  const ActionBins bins(facts.at("base_vocab").get<int64_t>());
  ASSERT_GT(facts.at("encode").size(), 700U);
  for (const auto& row : facts.at("encode")) {
    EXPECT_EQ(bins.encode(row[0]), row[1].get<int64_t>()) << row;
    EXPECT_EQ(bins.decode(row[1]), row[2].get<double>()) << row;
  }
}

TEST(ActionBins, GoldenValuesOfTheSpecification) {
  const ActionBins bins(128000);
  EXPECT_EQ(bins.first_id(), 127744);
  EXPECT_EQ(bins.last_id(), 127999);
  EXPECT_EQ(bins.encode(-1), 127999);
  EXPECT_EQ(bins.encode(0), 127872);
  EXPECT_EQ(bins.encode(0.999), 127745);
  EXPECT_EQ(bins.encode(1), 127744);
  EXPECT_EQ(bins.encode(INFINITY), 127744);
  EXPECT_DOUBLE_EQ(bins.decode(127744), 0.996078431372549);
  EXPECT_EQ(bins.decode(127745), bins.decode(127744));
  EXPECT_DOUBLE_EQ(bins.decode(127999), -0.996078431372549);
}

TEST(ActionBins, EveryIdButTheLowestComesBack) {
  const ActionBins bins(1000);
  for (int64_t id = bins.first_id() + 1; id <= bins.last_id(); ++id) EXPECT_EQ(bins.encode(bins.decode(id)), id);
  EXPECT_TRUE(bins.contains(744));
  EXPECT_FALSE(bins.contains(743));
  EXPECT_FALSE(bins.contains(1000));
}

TEST(ActionBins, AValueComesBackWithinHalfABin) {
  const ActionBins bins(5000);
  Rng rng(1);
  double before = -1;
  for (int i = 0; i < 20000; ++i) {
    const double value = rng.uniform(-1, 1);
    EXPECT_NEAR(bins.decode(bins.encode(value)), value, 1.0 / 255 + 1e-12);
  }
  for (int i = -1000; i <= 1000; ++i) {
    const double decoded = bins.decode(bins.encode(i / 1000.0));
    EXPECT_GE(decoded, before);
    before = decoded;
  }
}

TEST(ActionBins, RefusesWhatIsNoNumberAndVocabulariesThatAreTooSmall) {
  EXPECT_THROW(ActionBins(256), Error);
  EXPECT_EQ(ActionBins(257).first_id(), 1);
  EXPECT_THROW(ActionBins(1000).encode(NAN), Error);
}

}  // namespace
}  // namespace magma
