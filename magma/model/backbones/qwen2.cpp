// Backbone "qwen2": as Llama, with biases on queries, keys and values only. Source: model.md 4.7.
#include "magma/model/backbone.h"

namespace magma {
namespace {

class Qwen2 final : public Backbone {
 public:
  static constexpr const char* kSummary = "Qwen2: biases on queries, keys and values";

  DecoderLayer take_layer(WeightLoader& loader, const TextConfig& config, const std::string& prefix) const override {
    const int64_t D = config.hidden_size, ffn = config.intermediate_size;
    const int64_t queries = config.num_attention_heads * config.head_dim;
    const int64_t keys = config.num_key_value_heads * config.head_dim;
    DecoderLayer layer;
    layer.query = take_linear(loader, prefix + "self_attn.q_proj", {queries, D}, true);
    layer.key = take_linear(loader, prefix + "self_attn.k_proj", {keys, D}, true);
    layer.value = take_linear(loader, prefix + "self_attn.v_proj", {keys, D}, true);
    layer.output = take_linear(loader, prefix + "self_attn.o_proj", {D, queries}, false);
    layer.gate = take_linear(loader, prefix + "mlp.gate_proj", {ffn, D}, false);
    layer.up = take_linear(loader, prefix + "mlp.up_proj", {ffn, D}, false);
    layer.down = take_linear(loader, prefix + "mlp.down_proj", {D, ffn}, false);
    return layer;
  }
};

MAGMA_REGISTER(Backbones, Qwen2);

}  // namespace
}  // namespace magma
