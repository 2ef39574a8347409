// Backbone "phi3": queries, keys and values in one matrix, gate and up in another. Source: model.md 4.7.
#include "magma/model/backbone.h"

namespace magma {
namespace {

// Outputs begin .. end - 1 of a matrix [O, I], in its memory.
Linear outputs_of(const Tensor& matrix, int64_t begin, int64_t end) {
  const int64_t I = matrix.dim(1);
  if (!matrix.defined()) return Linear(Tensor::borrowed(nullptr, {end - begin, I}, matrix.dtype(), nullptr));
  const char* first = static_cast<const char*>(matrix.data()) + begin * I * dtype_bytes(matrix.dtype());
  const auto keeper = std::make_shared<Tensor>(matrix);
  return Linear(Tensor::borrowed(first, {end - begin, I}, matrix.dtype(), keeper));
}

class Phi3 final : public Backbone {
 public:
  static constexpr const char* kSummary = "Phi-3: fused attention and gate matrices";

  DecoderLayer take_layer(WeightLoader& loader, const TextConfig& config, const std::string& prefix) const override {
    const int64_t D = config.hidden_size, ffn = config.intermediate_size;
    const int64_t queries = config.num_attention_heads * config.head_dim;
    const int64_t keys = config.num_key_value_heads * config.head_dim;
    const Tensor attention = loader.take(prefix + "self_attn.qkv_proj.weight", {queries + 2 * keys, D});
    const Tensor gate_up = loader.take(prefix + "mlp.gate_up_proj.weight", {2 * ffn, D});
    DecoderLayer layer;
    layer.query = outputs_of(attention, 0, queries);
    layer.key = outputs_of(attention, queries, queries + keys);
    layer.value = outputs_of(attention, queries + keys, queries + 2 * keys);
    layer.output = take_linear(loader, prefix + "self_attn.o_proj", {D, queries}, false);
    layer.gate = outputs_of(gate_up, 0, ffn);
    layer.up = outputs_of(gate_up, ffn, 2 * ffn);
    layer.down = take_linear(loader, prefix + "mlp.down_proj", {D, ffn}, false);
    return layer;
  }
};

MAGMA_REGISTER(Backbones, Phi3);

}  // namespace
}  // namespace magma
