// Backbone: where a family of language models keeps its weights. A plug-in of magma/model/backbones, named after
// config.json's model_type; all families share the decoder (magma/model/decoder.h).
#pragma once

#include "magma/core/registry.h"
#include "magma/model/model_config.h"
#include "magma/nn/linear.h"
#include "magma/nn/norm.h"

namespace magma {

struct DecoderLayer {
  RmsNorm attention_norm, mlp_norm;
  Linear query, key, value, output;
  Linear gate, up, down;
};

struct DecoderWeights {
  Tensor embedding;  // [V, D]
  std::vector<DecoderLayer> layers;
  RmsNorm norm;
  Linear head;  // [V, D]
};

class Backbone {
 public:
  static constexpr const char* kKind = "language model";
  virtual ~Backbone() = default;
  virtual DecoderLayer take_layer(WeightLoader& loader, const TextConfig& config, const std::string& prefix) const = 0;
};

// Llama's layout, which its relatives share but for the biases. Source: model.md 4.1, 4.7.
struct LlamaBiases {
  bool query_key_value = false, output = false, mlp = false;
};
DecoderLayer take_llama_layer(WeightLoader& loader, const TextConfig& config, const std::string& prefix,
                              LlamaBiases biases);

using Backbones = Registry<Backbone>;

// Embedding, layers, last norm and head, tied or not; `vocabulary` rows.
DecoderWeights take_decoder(WeightLoader& loader, const TextConfig& config, int64_t vocabulary);

}  // namespace magma
