#include "magma/model/decoder.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/nn/attention.h"
#include "magma/nn/elementwise.h"

namespace magma {

struct Decoder::Pass {
  const std::vector<Segment>& segments;
  const StageSink& linear_inputs;
  DecoderRoom& room;
  Team& team;
  int64_t places;

  void show(int64_t layer, const char* input, const Tensor& values) const {
    if (linear_inputs) linear_inputs(fmt::format("layer.{}.{}", layer, input), values);
  }
};

namespace {

void require_room(const TextConfig& config, const std::vector<Segment>& segments) {
  for (const Segment& segment : segments) {
    const int64_t length = segment.cache->length() + segment.rows;
    if (length <= config.max_position_embeddings) continue;
    throw Error(ErrorCode::Refused, {.where = "sequence",
                                     .what = "longer than the model's context",
                                     .expected = fmt::format("at most {} tokens", config.max_position_embeddings),
                                     .got = std::to_string(length)});
  }
}

}  // namespace

void Decoder::take_weights(WeightLoader& loader, const TextConfig& config, int64_t vocabulary) {
  config_ = config;
  weights_ = take_decoder(loader, config, vocabulary);
}

void Decoder::prepare() {
  for (DecoderLayer& layer : weights_.layers) {
    layer.attention_norm.prepare();
    layer.mlp_norm.prepare();
  }
  weights_.norm.prepare();
}

KvCache Decoder::empty_cache(CacheFormat format) const {
  return {config_.num_hidden_layers, config_.num_key_value_heads, config_.head_dim, config_.max_position_embeddings,
          format};
}

void Decoder::embed(int64_t id, float* row) const {
  if (id < 0 || id >= vocabulary()) {
    throw Error(ErrorCode::Usage, {.where = "token id",
                                   .what = "not in the vocabulary",
                                   .expected = fmt::format("0 to {}", vocabulary() - 1),
                                   .got = std::to_string(id)});
  }
  const Tensor& table = weights_.embedding;
  const int64_t D = table.dim(1);
  if (table.is_quantised()) return dequantise_output(table.quantised_matrix(), id, row);
  const NumberFormat format = number_format(table.dtype());
  for (int64_t i = 0; i < D; ++i) row[i] = value_at(table.data(), format, id * D + i);
}

void Decoder::make_room(int64_t places, DecoderRoom& room) const {
  if (room.x.defined() && room.x.dim(0) >= places) return;
  const int64_t queries = config_.num_attention_heads * config_.head_dim;
  const int64_t keys = config_.num_key_value_heads * config_.head_dim;
  for (Tensor* tensor : {&room.x, &room.normed, &room.out}) *tensor = Tensor::uninitialised({places, width()});
  for (Tensor* tensor : {&room.query, &room.attended}) *tensor = Tensor::uninitialised({places, queries});
  for (Tensor* tensor : {&room.key, &room.value}) *tensor = Tensor::uninitialised({places, keys});
  room.gate = Tensor::uninitialised({places, config_.intermediate_size});
  for (Tensor* tensor : {&room.cosines, &room.sines}) {
    *tensor = Tensor::uninitialised({places, config_.rotary_width / 2});
  }
}

void Decoder::prepare_places(const std::vector<Segment>& segments, DecoderRoom& room) const {
  room.segment_of.clear();
  room.positions.clear();
  int64_t longest = 0;
  for (const Segment& segment : segments) {
    segment.cache->reserve(segment.rows);
    const int64_t begin = segment.cache->length();
    for (int64_t i = 0; i < segment.rows; ++i) {
      room.segment_of.push_back(&segment);
      room.positions.push_back(begin + i);
    }
    longest = std::max(longest, begin + segment.rows);
  }
  if (room.frequencies_length == 0 || !same_frequencies(config_.rope, room.frequencies_length, longest)) {
    room.frequencies = rope_frequencies(config_.rope, longest);
    room.frequencies_length = longest;
  }
  const int64_t half = config_.rotary_width / 2;
  for (size_t r = 0; r < room.positions.size(); ++r) {
    const int64_t at = static_cast<int64_t>(r) * half;
    rope_angles(room.frequencies, room.positions[r], room.cosines.mutable_floats() + at,
                room.sines.mutable_floats() + at);
  }
}

void Decoder::forward(const std::vector<Segment>& segments, const DecoderSinks& sinks, DecoderRoom& room,
                      Team& team) const {
  require_room(config_, segments);
  prepare_places(segments, room);
  const auto N = static_cast<int64_t>(room.positions.size());
  MAGMA_CHECK(N <= room.x.dim(0), "{} places in room for {}", N, room.x.dim(0));
  MAGMA_CHECK(N == room.x.dim(0) || (!sinks.stages && !sinks.linear_inputs), "sinks see {} places", room.x.dim(0));
  const Pass pass{segments, sinks.linear_inputs, room, team, N};
  const int64_t count = N * width();
  float* x = room.x.mutable_floats();
  float* normed = room.normed.mutable_floats();
  for (int64_t l = 0; l < config_.num_hidden_layers; ++l) {
    const DecoderLayer& layer = weights_.layers[static_cast<size_t>(l)];
    layer.attention_norm.forward(x, N, normed, team);
    attention(l, pass);
    add(room.out.floats(), count, x, team);
    layer.mlp_norm.forward(x, N, normed, team);
    mlp(l, pass);
    add(room.out.floats(), count, x, team);
    if (sinks.stages) sinks.stages(fmt::format("hidden.layer.{}", l), room.x);
  }
  for (const Segment& segment : segments) segment.cache->advance(segment.rows);
  weights_.norm.forward(x, N, normed, team);
  if (sinks.stages) sinks.stages("hidden.final", room.normed);
  if (sinks.linear_inputs) sinks.linear_inputs("head", room.normed);
}

// Rotary positions, and keys and values into the caches: place by place, while they are in the first-level cache.
void Decoder::rotate_and_store(int64_t l, const Pass& pass) const {
  const int64_t E = config_.head_dim, half = config_.rotary_width / 2;
  const int64_t heads = config_.num_attention_heads, key_heads = config_.num_key_value_heads;
  DecoderRoom& room = pass.room;
  float* queries = room.query.mutable_floats();
  float* keys = room.key.mutable_floats();
  pass.team.run(pass.places, [&](int64_t r) {
    Rotation rotation{.heads = heads,
                      .width = config_.rotary_width,
                      .cosines = room.cosines.floats() + r * half,
                      .sines = room.sines.floats() + r * half,
                      .values = queries + r * heads * E,
                      .stride = E};
    rotate(rotation);
    rotation.heads = key_heads;
    rotation.values = keys + r * key_heads * E;
    rotate(rotation);
    const auto place = static_cast<size_t>(r);
    room.segment_of[place]->cache->write(l, room.positions[place], rotation.values,
                                         room.value.floats() + r * key_heads * E);
  });
}

void Decoder::attention(int64_t l, const Pass& pass) const {
  const DecoderLayer& layer = weights_.layers[static_cast<size_t>(l)];
  const int64_t heads = config_.num_attention_heads, E = config_.head_dim;
  DecoderRoom& room = pass.room;
  const std::array<LinearOutput, 3> outputs = {{{&layer.query, room.query.mutable_floats()},
                                                {&layer.key, room.key.mutable_floats()},
                                                {&layer.value, room.value.mutable_floats()}}};
  pass.show(l, "attention", room.normed);
  forward_together(outputs, room.normed.floats(), pass.places, pass.team);
  rotate_and_store(l, pass);
  int64_t first = 0;
  for (const Segment& segment : pass.segments) {
    attend({.queries = segment.rows,
            .length = segment.cache->length() + segment.rows,
            .heads = heads,
            .key_heads = config_.num_key_value_heads,
            .width = E,
            .window = config_.sliding_window,
            .query = room.query.floats() + first * heads * E,
            .query_stride = heads * E,
            .keys = segment.cache->keys(l),
            .values = segment.cache->values(l),
            .capacity = segment.cache->capacity(),
            .out = room.attended.mutable_floats() + first * heads * E},
           pass.team);
    first += segment.rows;
  }
  pass.show(l, "output", room.attended);
  layer.output.forward(room.attended.floats(), pass.places, room.out.mutable_floats(), pass.team);
}

void Decoder::mlp(int64_t l, const Pass& pass) const {
  const DecoderLayer& layer = weights_.layers[static_cast<size_t>(l)];
  DecoderRoom& room = pass.room;
  pass.show(l, "mlp", room.normed);
  forward_gated({layer.gate, layer.up, room.gate.mutable_floats(), room.up}, room.normed.floats(), pass.places,
                pass.team);
  pass.show(l, "down", room.gate);
  layer.down.forward(room.gate.floats(), pass.places, room.out.mutable_floats(), pass.team);
}

void Decoder::logits(const float* hidden, int64_t rows, float* y, Team& team) const {
  weights_.head.forward(hidden, rows, y, team);
}

}  // namespace magma
