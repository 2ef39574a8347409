#include "magma/model/backbone.h"

#include <fmt/core.h>

namespace magma {
namespace {

constexpr const char* kPrefix = "language_model.";

}  // namespace

DecoderLayer take_llama_layer(WeightLoader& loader, const TextConfig& config, const std::string& prefix,
                              LlamaBiases biases) {
  const int64_t D = config.hidden_size, ffn = config.intermediate_size;
  const int64_t queries = config.num_attention_heads * config.head_dim;
  const int64_t keys = config.num_key_value_heads * config.head_dim;
  DecoderLayer layer;
  layer.query = take_linear(loader, prefix + "self_attn.q_proj", {queries, D}, biases.query_key_value);
  layer.key = take_linear(loader, prefix + "self_attn.k_proj", {keys, D}, biases.query_key_value);
  layer.value = take_linear(loader, prefix + "self_attn.v_proj", {keys, D}, biases.query_key_value);
  layer.output = take_linear(loader, prefix + "self_attn.o_proj", {D, queries}, biases.output);
  layer.gate = take_linear(loader, prefix + "mlp.gate_proj", {ffn, D}, biases.mlp);
  layer.up = take_linear(loader, prefix + "mlp.up_proj", {ffn, D}, biases.mlp);
  layer.down = take_linear(loader, prefix + "mlp.down_proj", {D, ffn}, biases.mlp);
  return layer;
}

DecoderWeights take_decoder(WeightLoader& loader, const TextConfig& config, int64_t vocabulary) {
  const std::string prefix = kPrefix;
  const auto epsilon = static_cast<float>(config.rms_norm_eps);
  const Shape matrix = {vocabulary, config.hidden_size};
  DecoderWeights weights;
  weights.embedding = loader.take_matrix(prefix + "model.embed_tokens.weight", matrix);
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
  weights.head = own_head ? Linear(loader.take_matrix(head, matrix)) : Linear(weights.embedding, {}, WeightUse::Shared);
  return weights;
}

}  // namespace magma
