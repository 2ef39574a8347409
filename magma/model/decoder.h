// Decoder: the layers of a Llama-like language model over sequences of different lengths, laid end to end: nothing is
// computed for padding. Source: model.md 4.2 to 4.5.
#pragma once

#include <memory>

#include "magma/model/backbone.h"
#include "magma/model/stages.h"
#include "magma/nn/kv_cache.h"

namespace magma {

// New places of one sequence; their positions follow the cache's length.
struct Segment {
  KvCache* cache = nullptr;
  int64_t rows = 0;
};

struct DecoderSinks {
  StageSink stages{};         // hidden.layer.I, hidden.final
  StageSink linear_inputs{};  // network.h
};

class Decoder {
 public:
  void take_weights(WeightLoader& loader, const TextConfig& config, int64_t vocabulary);
  void prepare();

  int64_t vocabulary() const { return weights_.embedding.dim(0); }
  int64_t width() const { return weights_.embedding.dim(1); }
  KvCache empty_cache(CacheFormat format) const;
  void embed(int64_t id, float* row) const;  // [D]
  // x [sum of rows, D], used up -> hidden states after the last norm, the same shape. Caches grow by the rows.
  Tensor forward(Tensor x, const std::vector<Segment>& segments, const DecoderSinks& sinks, Team& team) const;
  Tensor logits(const Tensor& hidden, Team& team) const;  // [N, D] -> [N, V]

 private:
  struct Workspace;
  void attention(int64_t layer, const std::vector<Segment>& segments, Workspace& work, Team& team) const;
  void mlp(int64_t layer, Workspace& work, Team& team) const;

  TextConfig config_;
  DecoderWeights weights_;
};

}  // namespace magma
