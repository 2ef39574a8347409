// Decoder: the layers of a Llama-like language model over sequences of different lengths, laid end to end: nothing is
// computed for padding. Source: model.md 4.2 to 4.5.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/model/backbone.h"
#include "magma/model/stages.h"
#include "magma/nn/kv_cache.h"
#include "magma/nn/rope.h"

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

// What a pass computes in, N places in all; kept from pass to pass, it allocates only when it grows.
struct DecoderRoom {
  Tensor x, normed, out;  // [N, D]; x: what goes in, used up
  Tensor query, attended, key, value;
  Tensor gate, up;
  Tensor cosines, sines;  // [N, rotary width / 2]
  RopeFrequencies frequencies;
  int64_t frequencies_length = 0;          // of the sequence that they were made for; 0: none
  std::vector<const Segment*> segment_of;  // [N]
  std::vector<int64_t> positions;          // [N]
};

class Decoder {
 public:
  void take_weights(WeightLoader& loader, const TextConfig& config, int64_t vocabulary);
  void prepare();

  int64_t vocabulary() const { return weights_.embedding.dim(0); }
  int64_t width() const { return weights_.embedding.dim(1); }
  KvCache empty_cache(CacheFormat format) const;
  void embed(int64_t id, float* row) const;                 // [D]
  void make_room(int64_t places, DecoderRoom& room) const;  // at least so much
  // room.x [sum of rows, D] -> room.normed, the hidden states after the last norm. Caches grow by the rows. Sinks are
  // shown tensors of the room as they are: they need one that was made for this pass.
  void forward(const std::vector<Segment>& segments, const DecoderSinks& sinks, DecoderRoom& room, Team& team) const;
  void logits(const float* hidden, int64_t rows, float* y, Team& team) const;  // [rows, D] -> [rows, V]

 private:
  struct Pass;
  void prepare_places(const std::vector<Segment>& segments, DecoderRoom& room) const;
  void attention(int64_t layer, const Pass& pass) const;
  void rotate_and_store(int64_t layer, const Pass& pass) const;
  void mlp(int64_t layer, const Pass& pass) const;

  TextConfig config_;
  DecoderWeights weights_;
};

}  // namespace magma
