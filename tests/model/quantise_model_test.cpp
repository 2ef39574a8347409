// A model folder quantised: what stays, what it costs, and runs that are continued.
#include "magma/model/quantise_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/action/action_bins.h"
#include "magma/core/error.h"
#include "magma/core/random.h"
#include "magma/model/magma.h"
#include "magma/nn/weight_files.h"
#include "tests/model/fixture_set.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

using testing::HasSubstr;

constexpr QuantisedFormat kInt8{QuantisedKind::Int8, 32}, kInt4{QuantisedKind::Int4, 32};

constexpr int32_t kBaseTokens = 1152;  // of the fixtures' tokenizer

class QuantiseModel : public testing::Test {
 protected:
  QuantiseSummary quantise(const QuantiseOptions& options, const Path& source = kSource) const {
    return quantise_model(source, folder_, options, [](int64_t) {});
  }
  std::string error_line(const QuantiseOptions& options, const Path& source = kSource) const {
    try {
      quantise(options, source);
    } catch (const Error& error) {
      return error.line();
    }
    return "accepted";
  }

  inline static const Path kSource = FixtureSet::weights("tiny-bf16");
  TemporaryFolder temporary_;
  Path folder_ = temporary_.path() / "out";
};

std::string bytes_of(const Path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(QuantisedFormatOf, TheRule) {
  TextConfig text;
  text.num_hidden_layers = 4;
  text.num_attention_heads = 4;
  text.num_key_value_heads = 2;
  text.head_dim = 16;
  text.intermediate_size = 128;
  const QuantiseOptions options{.format = kInt4};
  const auto format = [&](const std::string& name, const Shape& shape = {64, 64}) {
    const auto found = quantised_format_of(name, shape, text, options);
    return found ? format_name(*found) : "kept";
  };
  const std::string int4 = format_name(kInt4), int8 = format_name(kInt8), layer = "language_model.model.layers.";
  EXPECT_EQ(format(layer + "1.mlp.up_proj.weight"), int4);
  EXPECT_EQ(format(layer + "0.mlp.up_proj.weight"), int8);
  EXPECT_EQ(format(layer + "3.self_attn.q_proj.weight"), int8);
  EXPECT_EQ(format("language_model.lm_head.weight"), int8);
  EXPECT_EQ(format("language_model.model.embed_tokens.weight"), int8);
  EXPECT_EQ(format(layer + "1.input_layernorm.weight", {64}), "kept");
  EXPECT_EQ(format(layer + "1.self_attn.q_proj.bias", {64}), "kept");
  EXPECT_EQ(format("multi_modal_projector.proj.0.weight"), "kept");
  EXPECT_EQ(format("vision_tower.clip_vision_model.trunk.stages.0.blocks.0.mlp.fc1.weight"), "int8, groups of 128");
  EXPECT_EQ(format("vision_tower.clip_vision_model.trunk.stem.0.weight", {8, 3, 4, 4}), "kept");
  EXPECT_EQ(format(layer + "1.mlp.gate_up_proj.weight", {256, 64}), int4);
  EXPECT_EQ(format(layer + "1.self_attn.qkv_proj.weight", {128, 64}), "kept");  // keys begin inside a panel
}

TEST_F(QuantiseModel, WritesAFolderThatLoadsAndAnswersAlmostTheSame) {
  const QuantiseSummary summary = quantise({.format = kInt8});
  EXPECT_GT(summary.quantised, 10);
  EXPECT_LT(summary.bytes, summary.bytes_before);
  const auto exact = load_network(kSource, 2, Precision::F32);
  const auto quantised = load_network(folder_, 2);
  const auto widened = load_network(folder_, 2, Precision::F32);
  const Prompt prompt{{5, 17, 900, 33, 2, 71}, {}};
  const auto logits = [&](Network& network) {
    const Tensor values = network.prefill({prompt}, {.all_logits = true}).logits;
    return std::vector<float>(values.floats(), values.floats() + values.count());
  };
  const std::vector<float> truth = logits(*exact);
  double square = 0;
  for (const float value : truth) square += value * value;
  const double scale = std::sqrt(square / static_cast<double>(truth.size()));
  EXPECT_LT(difference(truth, logits(*widened)).root_mean_square, 0.02 * scale);
  EXPECT_LT(difference(truth, logits(*quantised)).root_mean_square, 0.03 * scale);
  EXPECT_GT(difference(truth, logits(*quantised)).root_mean_square, 0);
}

TEST_F(QuantiseModel, CachedDecodeIsTheUncachedOneToTheBit) {
  quantise({.format = kInt4});
  const auto network = load_network(folder_, 2);
  const Ids ids = {5, 17, 900, 33, 2, 71};
  const Tensor whole = network->prefill({{ids, {}}}, {}).logits;
  Prefilled state = network->prefill({{{ids.begin(), ids.end() - 1}, {}}}, {});
  const Tensor last = network->decode(*state.sequences, {ids.back()});
  EXPECT_EQ(0, std::memcmp(whole.floats(), last.floats(), static_cast<size_t>(last.bytes())));
}

TEST_F(QuantiseModel, TheRestOfTheFolderComesAlong) {
  const Path source = temporary_.path() / "source";
  std::filesystem::copy(kSource, source, std::filesystem::copy_options::recursive);
  std::ofstream(source / "tokenizer.json") << "{}";
  std::ofstream(source / "pytorch_model.bin") << "other weights";
  quantise({.format = kInt4}, source);
  EXPECT_EQ(bytes_of(folder_ / "tokenizer.json"), "{}");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "pytorch_model.bin"));
  EXPECT_THAT(bytes_of(folder_ / "config.json"), HasSubstr(R"("quantization_config":{"quant_method":"magma")"));
}

TEST_F(QuantiseModel, ARunThatStoppedIsContinuedToTheSameBytes) {
  const QuantiseOptions options{.format = kInt4, .shard_bytes = 100'000};
  const QuantiseSummary first = quantise(options);
  ASSERT_GT(first.shards, 3);
  const Path third = folder_ / fmt::format("model-00003-of-{:05}.safetensors", first.shards);
  const std::string bytes = bytes_of(third);
  std::filesystem::remove(third);
  std::filesystem::remove(folder_ / "model.safetensors.index.json");
  EXPECT_THROW(load_network(folder_, 1), Error);
  const QuantiseSummary second = quantise(options);
  EXPECT_EQ(second.shards_found, first.shards - 1);
  EXPECT_EQ(bytes_of(third), bytes);
  load_network(folder_, 1);
}

TEST_F(QuantiseModel, OtherOptionsAndOtherModelsAreRefusedInABegunFolder) {
  quantise({.format = kInt4});
  EXPECT_THAT(error_line({.format = kInt8}), HasSubstr("another model or other options"));
  EXPECT_THAT(error_line({.format = kInt4, .sensitive_in_int8 = false}), HasSubstr("another model or other options"));
  EXPECT_THAT(error_line({.format = kInt4}, FixtureSet::weights("tiny-gqa-ropescaled")),
              HasSubstr("another model or other options"));
}

TEST_F(QuantiseModel, WhatIsQuantisedIsNotQuantisedAgain) {
  quantise({.format = kInt8});
  try {
    quantise_model(folder_, temporary_.path() / "again", {.format = kInt4}, [](int64_t) {});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Refused);
    EXPECT_THAT(error.line(), HasSubstr("is quantised already"));
  }
  EXPECT_THAT(error_line({.format = kInt8}, folder_), HasSubstr("is quantised already"));
}

struct Bins {
  int64_t best = 0;
  bool clear = false;  // no bin further than one away comes near
};
Bins best_bin(const Tensor& logits) {
  const float* first = logits.floats() + kBaseTokens - ActionBins::kBins;
  const float* last = first + ActionBins::kBins;
  const int64_t best = std::max_element(first, last) - first;
  double sum = 0, squares = 0, second = -INFINITY;
  for (int64_t i = 0; i < ActionBins::kBins; ++i) {
    sum += first[i];
    squares += static_cast<double>(first[i]) * first[i];
    if (std::abs(i - best) > 1) second = std::max<double>(second, first[i]);
  }
  const double mean = sum / ActionBins::kBins, spread = std::sqrt(squares / ActionBins::kBins - mean * mean);
  return {best, first[best] - second > 0.1 * spread};
}

// Seven numbers after random prompts. Random weights leave many places where the best bins are almost the same; there
// rounding decides.
TEST_F(QuantiseModel, ActionsInInt8StayWithinABinWhereOneLeads) {
  quantise({.format = kInt8});
  const auto exact = load_network(kSource, 2, Precision::F32), quantised = load_network(folder_, 2);
  Rng rng(11);
  int64_t clear = 0, close = 0;
  for (int i = 0; i < 100; ++i) {
    Prompt prompt;
    for (int k = 0; k < 24; ++k) prompt.ids.push_back(static_cast<int64_t>(rng.uniform() * 1000));
    Prefilled truth = exact->prefill({prompt}, {}), got = quantised->prefill({prompt}, {});
    for (int number = 0; number < 7; ++number) {
      const Bins expected = best_bin(truth.logits);
      clear += expected.clear ? 1 : 0;
      close += expected.clear && std::abs(expected.best - best_bin(got.logits).best) <= 1 ? 1 : 0;
      const int64_t id = kBaseTokens - ActionBins::kBins + expected.best;
      truth.logits = exact->decode(*truth.sequences, {id});
      got.logits = quantised->decode(*got.sequences, {id});
    }
  }
  EXPECT_GT(clear, 490);
  EXPECT_GE(static_cast<double>(close), 0.99 * static_cast<double>(clear));
}

}  // namespace
}  // namespace magma
