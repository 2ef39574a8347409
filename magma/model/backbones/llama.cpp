// Backbone "llama": Llama 2, 3 and what is laid out like them. Source: model.md 4.1.
#include "magma/model/backbone.h"

namespace magma {
namespace {

class Llama final : public Backbone {
 public:
  static constexpr const char* kSummary = "Llama: three attention matrices, gate and up apart";

  DecoderLayer take_layer(WeightLoader& loader, const TextConfig& config, const std::string& prefix) const override {
    return take_llama_layer(
        loader, config, prefix,
        {.query_key_value = config.attention_bias, .output = config.attention_bias, .mlp = config.mlp_bias});
  }
};

MAGMA_REGISTER(Backbones, Llama);

}  // namespace
}  // namespace magma
