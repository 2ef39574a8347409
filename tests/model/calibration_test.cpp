// magma quantize --calibrate: passes over a text, what they change, and runs that are continued.
#include "magma/model/calibration.h"

#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/core/random.h"
#include "magma/model/quantise_check.h"
#include "magma/model/quantise_model.h"
#include "tests/model/fixture_set.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

using testing::HasSubstr;

TEST(Calibration, KnowsWhichWeightsReadTheSameInputs) {
  const std::string layer = "language_model.model.layers.12.";
  const auto input = [&](const std::string& name) { return Calibration::input_of(name).value_or("none"); };
  EXPECT_EQ(input(layer + "self_attn.q_proj.weight"), "layer.12.attention");
  EXPECT_EQ(input(layer + "self_attn.k_proj.weight"), "layer.12.attention");
  EXPECT_EQ(input(layer + "self_attn.qkv_proj.weight"), "layer.12.attention");
  EXPECT_EQ(input(layer + "self_attn.o_proj.weight"), "layer.12.output");
  EXPECT_EQ(input(layer + "mlp.up_proj.weight"), "layer.12.mlp");
  EXPECT_EQ(input(layer + "mlp.gate_up_proj.weight"), "layer.12.mlp");
  EXPECT_EQ(input(layer + "mlp.down_proj.weight"), "layer.12.down");
  EXPECT_EQ(input(layer + "self_attn.q_proj.bias"), "none");
  EXPECT_EQ(input(layer + "input_layernorm.weight"), "none");
  EXPECT_EQ(input(layer), "none");
  EXPECT_EQ(input("language_model.lm_head.weight"), "head");
  EXPECT_EQ(input("vision_tower.clip_vision_model.trunk.stages.0.blocks.0.mlp.fc1.weight"), "none");
}

class CalibratedModel : public testing::Test {
 protected:
  CalibratedModel() {
    std::ofstream(text_) << random_words(1, 1000);
    std::ofstream(other_text_) << random_words(2, 300);
  }

  static std::string random_words(uint64_t seed, int count) {
    Rng rng(seed);
    std::string text;
    for (int i = 0; i < count; ++i) {
      for (int64_t letters = rng.integer(2, 8); letters > 0; --letters) {
        text += static_cast<char>('a' + rng.integer(0, 25));
      }
      text += rng.integer(0, 9) == 0 ? ".\n" : " ";
    }
    return text;
  }

  QuantiseOptions calibrated(int64_t moments_bytes = int64_t{1} << 30U) {
    QuantiseOptions options{.format = {QuantisedKind::Int4, 32}, .sensitive_in_int8 = false, .threads = 2};
    options.calibration = CalibrationOptions{.samples = {.text = text_, .images = {}, .tokens = 1024, .window = 256},
                                             .moments_bytes = moments_bytes,
                                             .progress = [&](int64_t pass, int64_t) { passes_ = pass; }};
    return options;
  }
  Path out(const std::string& name) const { return temporary_.path() / name; }
  QuantiseSummary quantise(const std::string& name, const QuantiseOptions& options) const {
    return quantise_model(kSource, out(name), options, [](int64_t) {});
  }
  std::string error_line(const std::string& name, const QuantiseOptions& options) const {
    try {
      quantise(name, options);
    } catch (const Error& error) {
      return error.line();
    }
    return "accepted";
  }
  // Without the header, which has the options in it.
  std::string weights(const std::string& name) const {
    std::ifstream stream(out(name) / "model-00001-of-00001.safetensors", std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    uint64_t header = 0;
    std::memcpy(&header, bytes.data(), sizeof header);
    return bytes.substr(sizeof header + header);
  }

  inline static const Path kSource = FixtureSet::weights("tiny-names");
  TemporaryFolder temporary_;
  Path text_ = temporary_.path() / "text.txt", other_text_ = temporary_.path() / "other.txt";
  int64_t passes_ = 0;
};

TEST_F(CalibratedModel, IsCloserToTheModelOnAnotherText) {
  QuantiseOptions options = calibrated();
  const QuantiseSummary summary = quantise("calibrated", options);
  EXPECT_GT(summary.calibrated, 6);
  EXPECT_LT(summary.calibrated, summary.quantised);
  options.calibration.reset();
  EXPECT_EQ(quantise("plain", options).calibrated, 0);
  const auto kl = [&](const std::string& name) {
    QuantisationCheck check{.before = kSource, .after = out(name)};
    check.samples.text = other_text_;
    return quantisation_cost(check, [](int64_t) {}).text.mean_kl;
  };
  EXPECT_LT(kl("calibrated"), 0.9 * kl("plain"));
}

TEST_F(CalibratedModel, IsTheSameInOnePassAndInManyWithAnyNumberOfThreads) {
  quantise("one", calibrated());
  EXPECT_EQ(passes_, 1);
  QuantiseOptions options = calibrated(1);
  options.threads = 3;
  quantise("many", options);
  EXPECT_GT(passes_, 4);
  ASSERT_FALSE(weights("one").empty());
  EXPECT_EQ(weights("one"), weights("many"));
}

TEST_F(CalibratedModel, ARunIsContinuedWithTheSameTextAlone) {
  QuantiseOptions options = calibrated();
  options.shard_bytes = 40'000;
  const QuantiseSummary first = quantise("out", options);
  ASSERT_GT(first.shards, 3);
  passes_ = 0;
  EXPECT_EQ(quantise("out", options).shards_found, first.shards);
  EXPECT_EQ(passes_, 0);
  std::filesystem::remove(out("out") / fmt::format("model-00002-of-{:05}.safetensors", first.shards));
  EXPECT_EQ(quantise("out", options).shards_found, first.shards - 1);
  options.calibration->samples.tokens = 512;
  EXPECT_THAT(error_line("out", options), HasSubstr("another model or other options"));
  options = calibrated();
  std::ofstream(text_, std::ios::app) << "One more line.\n";
  options.shard_bytes = 40'000;
  EXPECT_THAT(error_line("out", options), HasSubstr("another model or other options"));
}

TEST_F(CalibratedModel, PicturesBeforeTheTextCount) {
  QuantiseOptions options = calibrated();
  quantise("text", options);
  for (const auto& entry : std::filesystem::directory_iterator(FixtureSet::folder() / "images")) {
    if (entry.path().extension() == ".png") options.calibration->samples.images = {entry.path()};
  }
  ASSERT_FALSE(options.calibration->samples.images.empty());
  quantise("pictures", options);
  EXPECT_NE(weights("text"), weights("pictures"));
}

TEST_F(CalibratedModel, ATextShorterThanAWindowIsRefused) {
  std::ofstream(text_) << "Three words only.";
  EXPECT_THAT(error_line("out", calibrated()), HasSubstr("is too short"));
  EXPECT_FALSE(std::filesystem::exists(out("out")));
}

}  // namespace
}  // namespace magma
