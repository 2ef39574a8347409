#include "magma/nn/linear.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>
#include <vector>

#include "magma/core/check.h"
#include "magma/kernel/activation.h"
#include "magma/kernel/bf16_panels.h"
#include "magma/kernel/matmul.h"
#include "magma/kernel/quantised_bf16.h"
#include "magma/kernel/quantised_matmul.h"
#include "magma/nn/elementwise.h"

namespace magma {

struct Linear::Packed {
  std::once_flag once;
  Tensor source, panels;
};

namespace {

// Reused: no token allocates it anew.
QuantisedRows& quantised_room() {
  thread_local QuantisedRows room;
  return room;
}

bool goes_through_bf16(int64_t rows) { return rows > kFewRows && prefers_bf16_products(); }

// By way of bf16; the room is kept for the next matrix.
void widened_product(const QuantisedProduct& product, const float* x, int64_t rows, Team& team) {
  thread_local std::vector<uint16_t> room;
  Bf16Panels weight{product.weight.N, product.weight.K};
  if (room.size() < static_cast<size_t>(weight.count())) room.resize(static_cast<size_t>(weight.count()));
  widen_to_bf16_panels(product.weight, room.data(), team);
  weight.values = room.data();
  panel_matmul({.M = rows, .weight = weight, .x = x, .bias = product.bias, .y = product.y}, team);
}

Tensor moved_to_memory(const Tensor& mapped, Team& team) {
  constexpr int64_t kPart = int64_t{1} << 20U;
  const int64_t bytes = mapped.bytes();
  Tensor result = Tensor::uninitialised({bytes}, DType::U8);
  auto* to = static_cast<uint8_t*>(result.mutable_data());
  const auto* from = static_cast<const uint8_t*>(mapped.data());
  team.run((bytes + kPart - 1) / kPart,
           [&](int64_t i) { std::copy_n(from + i * kPart, std::min(kPart, bytes - i * kPart), to + i * kPart); });
  return result;
}

}  // namespace

Linear::Linear(Tensor weight, Tensor bias, WeightUse use) : weight_(std::move(weight)) {
  if (bias.defined()) bias_ = bias.as_f32();
  if (!weight_.defined()) return;
  const bool moves = weight_.is_quantised() && !weight_.owned();
  const bool packs = use == WeightUse::Own && weight_.dtype() == DType::BF16 && has_bf16_products();
  if (!moves && !packs) return;
  packed_ = std::make_shared<Packed>();
  packed_->source = weight_;
  if (packs) weight_ = Tensor::borrowed(nullptr, weight_.shape(), DType::BF16, nullptr);
}

void Linear::pack(Team& team) const {
  Tensor& source = packed_->source;
  if (source.is_quantised()) {
    packed_->panels = moved_to_memory(source, team);
  } else {
    const Bf16Panels shape{outputs(), inputs()};
    packed_->panels = Tensor::uninitialised({shape.count()}, DType::BF16);
    auto* values = static_cast<uint16_t*>(packed_->panels.mutable_data());
    pack_bf16_panels(static_cast<const uint16_t*>(source.data()), shape, values, team);
  }
  release_pages(source);
  source = {};
}

const Tensor& Linear::panels(Team& team) const {
  std::call_once(packed_->once, [&] { pack(team); });
  return packed_->panels;
}

QuantisedMatrix Linear::quantised_matrix(Team& team) const {
  QuantisedMatrix matrix = weight_.quantised_matrix();
  if (packed_) matrix.panels = static_cast<const uint8_t*>(panels(team).data());
  return matrix;
}

std::optional<int64_t> Linear::quantised_group() const {
  if (!is_quantised()) return std::nullopt;
  return weight_.quantised_matrix().format.group;
}

void Linear::forward(const float* x, int64_t rows, float* y, Team& team) const {
  if (is_quantised()) {
    const QuantisedProduct product{.weight = quantised_matrix(team), .bias = bias(), .y = y};
    if (goes_through_bf16(rows)) return widened_product(product, x, rows, team);
    QuantisedRows& quantised = quantised_room();
    quantised.assign(x, rows, inputs(), product.weight.format.group, team);
    return quantised_matmul({&product, 1}, quantised, team);
  }
  if (packed_) {
    const Bf16Panels weight{outputs(), inputs(), static_cast<const uint16_t*>(panels(team).data())};
    return panel_matmul({.M = rows, .weight = weight, .x = x, .bias = bias(), .y = y}, team);
  }
  matmul({.M = rows,
          .N = outputs(),
          .K = inputs(),
          .x = x,
          .weight = weight_.data(),
          .format = number_format(weight_.dtype()),
          .bias = bias(),
          .y = y},
         team);
}

Tensor Linear::forward(const Tensor& x, Team& team) const {
  MAGMA_CHECK(x.dim(-1) == inputs(), "{} inputs for a layer of {}", x.dim(-1), inputs());
  Shape shape = x.shape();
  shape.back() = outputs();
  Tensor y = Tensor::uninitialised(std::move(shape));
  forward(x.floats(), x.rows(), y.mutable_floats(), team);
  return y;
}

namespace {

// Quantised in groups of one length, and not by way of bf16: then they take the same rounded rows.
bool take_same_rows(std::span<const LinearOutput> layers, int64_t rows) {
  const std::optional<int64_t> group = layers.front().layer->quantised_group();
  return group && !goes_through_bf16(rows) &&
         std::all_of(layers.begin(), layers.end(), [&](const auto& l) { return l.layer->quantised_group() == group; });
}

// At least so much.
void require_room(std::array<int64_t, 2> sides, Tensor& room) {
  if (room.defined() && room.count() >= sides[0] * sides[1]) return;
  room = Tensor::uninitialised({sides[0], sides[1]});
}

const QuantisedRows& quantised_rows(const Linear& layer, const float* x, int64_t rows, Team& team) {
  QuantisedRows& room = quantised_room();
  room.assign(x, rows, layer.inputs(), *layer.quantised_group(), team);
  return room;
}

}  // namespace

void forward_together(std::span<const LinearOutput> layers, const float* x, int64_t rows, Team& team) {
  constexpr size_t kMost = 4;
  std::array<QuantisedProduct, kMost> products;
  if (layers.size() > kMost || !take_same_rows(layers, rows)) {
    for (const LinearOutput& output : layers) output.layer->forward(x, rows, output.y, team);
    return;
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    products.at(i) = {layers[i].layer->quantised_matrix(team), layers[i].layer->bias(), layers[i].y};
  }
  const QuantisedRows& quantised = quantised_rows(*layers[0].layer, x, rows, team);
  quantised_matmul(std::span(products).first(layers.size()), quantised, team);
}

void forward_gated(const GatedLinear& layers, const float* x, int64_t rows, Team& team) {
  const Linear &gate = layers.gate_layer, &up = layers.up_layer;
  std::array<LinearOutput, 2> both = {{{&gate, layers.gate}, {&up, nullptr}}};
  if (take_same_rows(both, rows)) {
    const QuantisedGate job{gate.quantised_matrix(team), up.quantised_matrix(team), gate.bias(), up.bias(),
                            layers.gate};
    return quantised_gate(job, quantised_rows(gate, x, rows, team), team);
  }
  require_room({rows, up.outputs()}, layers.up);
  both[1].y = layers.up.mutable_floats();
  forward_together(both, x, rows, team);
  silu_product(layers.gate, both[1].y, rows * up.outputs(), team);
}

void add_gelu_pair(const GeluPair& layers, const float* x, int64_t rows, float* to, Team& team) {
  const Linear &first = layers.first, &second = layers.second;
  if (first.is_quantised() && second.is_quantised() && !goes_through_bf16(rows)) {
    thread_local QuantisedRows hidden;  // reused, a quarter of what it would be in f32
    quantised_gelu(first.quantised_matrix(team), first.bias(), quantised_rows(first, x, rows, team),
                   *second.quantised_group(), hidden, team);
    const QuantisedProduct product{second.quantised_matrix(team), second.bias(), to, layers.scale};
    return quantised_matmul({&product, 1}, hidden, team);
  }
  require_room({rows, first.outputs()}, layers.hidden);
  require_room({rows, second.outputs()}, layers.out);
  float* hidden = layers.hidden.mutable_floats();
  float* out = layers.out.mutable_floats();
  first.forward(x, rows, hidden, team);
  gelu(hidden, rows * first.outputs(), team);
  second.forward(hidden, rows, out, team);
  add_scaled_columns({.rows = rows, .width = second.outputs(), .from = out, .scale = layers.scale, .to = to}, team);
}

Linear take_linear(WeightLoader& loader, const std::string& name, Shape shape, bool with_bias) {
  Tensor bias;
  if (with_bias) bias = loader.take(name + ".bias", {shape[0]});
  return {loader.take_matrix(name + ".weight", shape), std::move(bias)};
}

}  // namespace magma
