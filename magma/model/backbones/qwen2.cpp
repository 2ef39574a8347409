// Backbone "qwen2": as Llama, with biases on queries, keys and values only. Source: model.md 4.7.
#include "magma/model/backbone.h"

namespace magma {
namespace {

class Qwen2 final : public Backbone {
 public:
  static constexpr const char* kSummary = "Qwen2: biases on queries, keys and values";

  DecoderLayer take_layer(WeightLoader& loader, const TextConfig& config, const std::string& prefix) const override {
    return take_llama_layer(loader, config, prefix, {.query_key_value = true, .output = false, .mlp = false});
  }
};

MAGMA_REGISTER(Backbones, Qwen2);

}  // namespace
}  // namespace magma
