// Backbone "phi3": queries, keys and values in one matrix, gate and up in another. Source: model.md 4.7.
#include "magma/model/backbone.h"

namespace magma {
namespace {

class Phi3 final : public Backbone {
 public:
  static constexpr const char* kSummary = "Phi-3: fused attention and gate matrices";

  DecoderLayer take_layer(WeightLoader& loader, const TextConfig& config, const std::string& prefix) const override {
    const int64_t D = config.hidden_size, ffn = config.intermediate_size;
    const int64_t queries = config.num_attention_heads * config.head_dim;
    const int64_t keys = config.num_key_value_heads * config.head_dim;
    const Tensor attention = loader.take_matrix(prefix + "self_attn.qkv_proj.weight", {queries + 2 * keys, D});
    const Tensor gate_up = loader.take_matrix(prefix + "mlp.gate_up_proj.weight", {2 * ffn, D});
    DecoderLayer layer;
    layer.query = Linear(attention.slice(0, queries));
    layer.key = Linear(attention.slice(queries, queries + keys));
    layer.value = Linear(attention.slice(queries + keys, queries + 2 * keys));
    layer.output = take_linear(loader, prefix + "self_attn.o_proj", {D, queries}, false);
    layer.gate = Linear(gate_up.slice(0, ffn));
    layer.up = Linear(gate_up.slice(ffn, 2 * ffn));
    layer.down = take_linear(loader, prefix + "mlp.down_proj", {D, ffn}, false);
    return layer;
  }
};

MAGMA_REGISTER(Backbones, Phi3);

}  // namespace
}  // namespace magma
