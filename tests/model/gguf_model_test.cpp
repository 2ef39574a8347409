// A GGUF file through the decoder: against transformers on the same values, and what it refuses.
#include "magma/model/gguf_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/nn/rope.h"
#include "magma/nn/safetensors.h"
#include "tests/model/fixture_set.h"

namespace magma {
namespace {

const Path kFile = Path(MAGMA_SOURCE_DIR) / "tests/nn/gguf/llama.gguf";
const Path kReference = Path(MAGMA_SOURCE_DIR) / "tests/model/gguf/logits.safetensors";

std::vector<float> values_of(const Tensor& tensor) { return {tensor.floats(), tensor.floats() + tensor.count()}; }

std::vector<float> logits_of(const Ids& ids, Precision precision) {
  const auto network = load_network(kFile, 2, precision);
  return values_of(network->prefill({{ids, {}}}, {.all_logits = true}).logits);
}

// tests/model/gguf/make.py: LlamaForCausalLM.from_pretrained(gguf_file=...) in f64.
TEST(GgufModel, GivesTheLogitsOfTransformers) {
  const SafetensorsFile reference(kReference);
  const Ids ids = reference.read_as<int64_t>("ids");
  const std::vector<float> expected = reference.read_as<float>("logits");
  double most = 0;
  for (const float value : expected) most = std::max(most, std::abs(static_cast<double>(value)));
  const std::vector<float> exact = logits_of(ids, Precision::F32);
  ASSERT_EQ(exact.size(), expected.size());
  EXPECT_LE(difference(expected, exact).largest, 1e-5 * most);
  const Difference rounded = difference(expected, logits_of(ids, Precision::BF16));
  EXPECT_LE(rounded.largest, 0.1 * most);
  EXPECT_GT(rounded.largest, 1e-5 * most);  // else nothing was rounded
  // Blocks as they are: only activations are rounded, to 8 bits.
  const Difference blocks = difference(expected, logits_of(ids, Precision::Stored));
  EXPECT_LE(blocks.largest, 0.1 * most);
  EXPECT_GT(blocks.largest, 1e-5 * most);
}

TEST(GgufModel, TellsWhatItIs) {
  const GgufModel model = read_gguf_model(GgufFile(kFile), kFile.string(), 1, Precision::Stored);
  EXPECT_FALSE(model.config.vision.has_value());
  EXPECT_EQ(model.config.text.max_position_embeddings, 128);
  EXPECT_EQ(model.weights.at("model.norm.weight").dtype(), DType::F32);
  EXPECT_TRUE(model.weights.at("model.embed_tokens.weight").is_quantised());
  const GgufModel widened = read_gguf_model(GgufFile(kFile), kFile.string(), 1, Precision::F32);
  for (const auto& [name, tensor] : model.weights) {
    if (!tensor.is_quantised()) continue;
    const std::vector<float> expected = values_of(widened.weights.at(name));
    EXPECT_LE(difference(expected, values_of(tensor.as_f32())).largest, 1e-6) << name;
  }
}

TEST(GgufModel, RefusesImages) {
  const auto network = load_network(kFile, 1);
  const Tensor picture = Tensor::zeros({1, 3, 32, 32});
  try {
    network->encode_images({{picture, {}}}, {});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Usage);
    EXPECT_THAT(error.line(), testing::HasSubstr("the model sees no images"));
    EXPECT_THAT(error.line(), testing::HasSubstr("llama.gguf"));
  }
  EXPECT_THROW(network->prefill({{{1, 2}, {Tensor::zeros({4, 32})}}}, {}), Error);
}

// The scaling of Llama 3 as llama.cpp stores it: a divisor of each frequency.
TEST(GgufModel, FactorsDivideTheFrequencies) {
  RopeConfig config{.width = 8, .theta = 10000, .max_position_embeddings = 64, .scaling = {}};
  const std::vector<float> plain = rope_frequencies(config, 8).inverse;
  config.scaling.type = "factors";
  config.scaling.short_factor = {1, 2, 4, 8};
  for (const int64_t length : {int64_t{8}, int64_t{1000}}) {
    const RopeFrequencies scaled = rope_frequencies(config, length);
    EXPECT_EQ(scaled.factor, 1);
    for (size_t i = 0; i < plain.size(); ++i) {
      EXPECT_FLOAT_EQ(scaled.inverse[i] * static_cast<float>(config.scaling.short_factor[i]), plain[i]);
    }
  }
}

}  // namespace
}  // namespace magma
