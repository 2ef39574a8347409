#include "magma/nn/rope.h"

#include <cmath>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/json.h"

namespace magma {
namespace {

RopeConfig config_of(const Json& table) {
  RopeConfig config;
  config.width = table.at("head_dim");
  config.theta = table.at("rope_theta");
  config.max_position_embeddings = table.at("max_position_embeddings");
  const Json& scaling = table.at("rope_scaling");
  if (scaling.is_null()) return config;
  config.scaling.type = scaling.contains("rope_type") ? scaling["rope_type"] : scaling["type"];
  config.scaling.factor = scaling.at("factor");
  config.scaling.low_freq_factor = scaling.value("low_freq_factor", 1.0);
  config.scaling.high_freq_factor = scaling.value("high_freq_factor", 4.0);
  config.scaling.original_max_position_embeddings = scaling.value("original_max_position_embeddings", int64_t{0});
  config.scaling.beta_fast = scaling.value("beta_fast", 32.0);
  config.scaling.beta_slow = scaling.value("beta_slow", 1.0);
  if (scaling.contains("attention_factor") && !scaling["attention_factor"].is_null()) {
    config.scaling.attention_factor = scaling["attention_factor"];
  }
  return config;
}

TEST(Rope, FrequenciesAreThoseOfTransformers) {
  const Json root = read_json(Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model/reference/rope.json");
  const double tolerance = root.at("rtol");
  int types = 0;
  for (const Json& table : root.at("tables")) {
    SCOPED_TRACE(table.at("rope_scaling").dump());
    const int64_t length = table.at("length").is_null() ? 1 : table["length"].get<int64_t>();
    const RopeFrequencies got = rope_frequencies(config_of(table), length);
    const auto expected = table.at("inv_freq").get<std::vector<double>>();
    ASSERT_EQ(got.inverse.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(got.inverse[i], expected[i], tolerance * expected[i]) << i;
    }
    EXPECT_NEAR(got.factor, table.at("factor").get<double>(), 1e-6);
    ++types;
  }
  EXPECT_GE(types, 5);
}

// model.md 4.3: long factors beyond the original length only, and the factor of Phi-3.
TEST(Rope, LongRopeSwitchesAtTheOriginalLength) {
  RopeConfig config{.width = 4, .theta = 10000, .max_position_embeddings = 131072, .scaling = {}};
  config.scaling.type = "longrope";
  config.scaling.original_max_position_embeddings = 4096;
  config.scaling.short_factor = {1, 2};
  config.scaling.long_factor = {4, 8};
  EXPECT_FLOAT_EQ(rope_frequencies(config, 4096).inverse[1], 0.01F / 2);
  EXPECT_FLOAT_EQ(rope_frequencies(config, 4097).inverse[0], 0.25F);
  EXPECT_NEAR(rope_frequencies(config, 1).factor, std::sqrt(1 + std::log(32.0) / std::log(4096.0)), 1e-6);
}

TEST(Rope, LengthsWithTheSameFrequenciesAreKnown) {
  RopeConfig config{.width = 8, .theta = 10000, .max_position_embeddings = 64, .scaling = {}};
  config.scaling.original_max_position_embeddings = 32;
  config.scaling.factor = 2;
  config.scaling.short_factor = {1, 2, 3, 4};
  config.scaling.long_factor = {5, 6, 7, 8};
  for (const char* type : {"default", "linear", "dynamic", "llama3", "yarn", "longrope", "factors"}) {
    config.scaling.type = type;
    for (const int64_t length : {1, 31, 32, 33, 64, 65, 66}) {
      for (const int64_t other : {1, 32, 33, 64, 65, 66}) {
        EXPECT_EQ(same_frequencies(config, length, other),
                  rope_frequencies(config, length).inverse == rope_frequencies(config, other).inverse)
            << type << " " << length << " " << other;
      }
    }
  }
}

}  // namespace
}  // namespace magma
