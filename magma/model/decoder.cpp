#include "magma/model/decoder.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/nn/attention.h"
#include "magma/nn/elementwise.h"

namespace magma {

// One forward pass: N places in all.
struct Decoder::Workspace {
  Workspace(Tensor input, const TextConfig& config, StageSink sink)
      : x(std::move(input)), linear_inputs(std::move(sink)) {
    const int64_t N = x.dim(0), queries = config.num_attention_heads * config.head_dim;
    const int64_t keys = config.num_key_value_heads * config.head_dim;
    normed = Tensor::uninitialised(x.shape());
    out = Tensor::uninitialised(x.shape());
    query = Tensor::uninitialised({N, queries});
    attended = Tensor::uninitialised({N, queries});
    key = Tensor::uninitialised({N, keys});
    value = Tensor::uninitialised({N, keys});
    gate = Tensor::uninitialised({N, config.intermediate_size});
    up = Tensor::uninitialised({N, config.intermediate_size});
  }

  void show(int64_t layer, const char* input, const Tensor& places) const {
    if (linear_inputs) linear_inputs(fmt::format("layer.{}.{}", layer, input), places);
  }

  Tensor x, normed, out;  // [N, D]
  Tensor query, attended;
  Tensor key, value;
  Tensor gate, up;
  RopeTable rope;  // [N, rotary width / 2]
  StageSink linear_inputs;
};

namespace {

RopeTable rope_of(const TextConfig& config, const std::vector<Segment>& segments) {
  std::vector<int64_t> positions;
  int64_t longest = 0;
  for (const Segment& segment : segments) {
    const int64_t begin = segment.cache->length();
    for (int64_t i = 0; i < segment.rows; ++i) positions.push_back(begin + i);
    longest = std::max(longest, begin + segment.rows);
  }
  return rope_table(rope_frequencies(config.rope, longest), positions);
}

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

Tensor Decoder::forward(Tensor x, const std::vector<Segment>& segments, const DecoderSinks& sinks, Team& team) const {
  require_room(config_, segments);
  Workspace work(std::move(x), config_, sinks.linear_inputs);
  work.rope = rope_of(config_, segments);
  for (const Segment& segment : segments) segment.cache->reserve(segment.rows);
  const int64_t N = work.x.dim(0);
  for (int64_t l = 0; l < config_.num_hidden_layers; ++l) {
    const DecoderLayer& layer = weights_.layers[static_cast<size_t>(l)];
    layer.attention_norm.forward(work.x.floats(), N, work.normed.mutable_floats(), team);
    attention(l, segments, work, team);
    add(work.out.floats(), work.out.count(), work.x.mutable_floats(), team);
    layer.mlp_norm.forward(work.x.floats(), N, work.normed.mutable_floats(), team);
    mlp(l, work, team);
    add(work.out.floats(), work.out.count(), work.x.mutable_floats(), team);
    if (sinks.stages) sinks.stages(fmt::format("hidden.layer.{}", l), work.x);
  }
  for (const Segment& segment : segments) segment.cache->advance(segment.rows);
  weights_.norm.forward(work.x.floats(), N, work.normed.mutable_floats(), team);
  if (sinks.stages) sinks.stages("hidden.final", work.normed);
  if (sinks.linear_inputs) sinks.linear_inputs("head", work.normed);
  return work.normed;
}

void Decoder::attention(int64_t l, const std::vector<Segment>& segments, Workspace& work, Team& team) const {
  const DecoderLayer& layer = weights_.layers[static_cast<size_t>(l)];
  const int64_t N = work.x.dim(0), E = config_.head_dim, half = config_.rotary_width / 2;
  const int64_t heads = config_.num_attention_heads, key_heads = config_.num_key_value_heads;
  const std::array<LinearOutput, 3> outputs = {{{&layer.query, work.query.mutable_floats()},
                                                {&layer.key, work.key.mutable_floats()},
                                                {&layer.value, work.value.mutable_floats()}}};
  work.show(l, "attention", work.normed);
  forward_together(outputs, work.normed.floats(), N, team);
  const auto turn = [&](Tensor& values, int64_t count) {
    team.run(N, [&](int64_t r) {
      rotate({.heads = count,
              .width = config_.rotary_width,
              .cosines = work.rope.cosines.floats() + r * half,
              .sines = work.rope.sines.floats() + r * half,
              .values = values.mutable_floats() + r * count * E,
              .stride = E});
    });
  };
  turn(work.query, heads);
  turn(work.key, key_heads);
  int64_t first = 0;
  for (const Segment& segment : segments) {
    segment.cache->write(l, work.key.floats() + first * key_heads * E, work.value.floats() + first * key_heads * E,
                         segment.rows, key_heads * E);
    attend({.queries = segment.rows,
            .length = segment.cache->length() + segment.rows,
            .heads = heads,
            .key_heads = key_heads,
            .width = E,
            .window = config_.sliding_window,
            .query = work.query.floats() + first * heads * E,
            .query_stride = heads * E,
            .keys = segment.cache->keys(l),
            .values = segment.cache->values(l),
            .capacity = segment.cache->capacity(),
            .out = work.attended.mutable_floats() + first * heads * E},
           team);
    first += segment.rows;
  }
  work.show(l, "output", work.attended);
  layer.output.forward(work.attended.floats(), N, work.out.mutable_floats(), team);
}

void Decoder::mlp(int64_t l, Workspace& work, Team& team) const {
  const DecoderLayer& layer = weights_.layers[static_cast<size_t>(l)];
  const int64_t N = work.x.dim(0);
  work.show(l, "mlp", work.normed);
  forward_gated({layer.gate, layer.up, work.gate.mutable_floats(), work.up.mutable_floats()}, work.normed.floats(), N,
                team);
  work.show(l, "down", work.gate);
  layer.down.forward(work.gate.floats(), N, work.out.mutable_floats(), team);
}

Tensor Decoder::logits(const Tensor& hidden, Team& team) const { return weights_.head.forward(hidden, team); }

}  // namespace magma
