// Backbone "llama": Llama 2, 3 and what is laid out like them. Source: model.md 4.1.
#include "magma/model/backbone.h"

namespace magma {
namespace {

class Llama final : public Backbone {
 public:
  static constexpr const char* kSummary = "Llama: three attention matrices, gate and up apart";

  DecoderLayer take_layer(WeightLoader& loader, const TextConfig& config, const std::string& prefix) const override {
    const int64_t D = config.hidden_size, ffn = config.intermediate_size;
    const int64_t queries = config.num_attention_heads * config.head_dim;
    const int64_t keys = config.num_key_value_heads * config.head_dim;
    const bool attention_bias = config.attention_bias, mlp_bias = config.mlp_bias;
    DecoderLayer layer;
    layer.query = take_linear(loader, prefix + "self_attn.q_proj", {queries, D}, attention_bias);
    layer.key = take_linear(loader, prefix + "self_attn.k_proj", {keys, D}, attention_bias);
    layer.value = take_linear(loader, prefix + "self_attn.v_proj", {keys, D}, attention_bias);
    layer.output = take_linear(loader, prefix + "self_attn.o_proj", {D, queries}, attention_bias);
    layer.gate = take_linear(loader, prefix + "mlp.gate_proj", {ffn, D}, mlp_bias);
    layer.up = take_linear(loader, prefix + "mlp.up_proj", {ffn, D}, mlp_bias);
    layer.down = take_linear(loader, prefix + "mlp.down_proj", {D, ffn}, mlp_bias);
    return layer;
  }
};

MAGMA_REGISTER(Backbones, Llama);

}  // namespace
}  // namespace magma
