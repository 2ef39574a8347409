#include "magma/model/backbone.h"

#include <fmt/core.h>

namespace magma {
namespace {

constexpr const char* kPrefix = "language_model.";

}  // namespace

DecoderWeights take_decoder(WeightLoader& loader, const TextConfig& config, int64_t vocabulary) {
  const std::string prefix = kPrefix;
  const auto epsilon = static_cast<float>(config.rms_norm_eps);
  const Shape matrix = {vocabulary, config.hidden_size};
  DecoderWeights weights;
  weights.embedding = loader.take(prefix + "model.embed_tokens.weight", matrix);
  const auto family = Backbones::make(config.model_type);
  for (int64_t l = 0; l < config.num_hidden_layers; ++l) {
    const std::string name = fmt::format("{}model.layers.{}.", prefix, l);
    DecoderLayer layer = family->take_layer(loader, config, name);
    layer.attention_norm = RmsNorm(loader, name + "input_layernorm", config.hidden_size, epsilon);
    layer.mlp_norm = RmsNorm(loader, name + "post_attention_layernorm", config.hidden_size, epsilon);
    weights.layers.push_back(std::move(layer));
  }
  weights.norm = RmsNorm(loader, prefix + "model.norm", config.hidden_size, epsilon);
  const std::string head = prefix + "lm_head.weight";
  const bool own_head = !config.tie_word_embeddings || loader.has(head);
  weights.head = own_head ? Linear(loader.take(head, matrix)) : Linear(weights.embedding, {}, WeightUse::Shared);
  return weights;
}

}  // namespace magma
