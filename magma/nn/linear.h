// Linear: y = x W^T + b. The place where weights of other precisions come in.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "magma/kernel/team.h"
#include "magma/nn/load_weights.h"
#include "magma/nn/tensor.h"

namespace magma {

// Where the processor multiplies bf16 itself, bf16 weights are packed for it by the first product; the packed copy
// takes the place of the other one. Shared: another part reads the same memory, so it stays and nothing is packed.
// Quantised weights are packed already; those of a mapped file move to memory of our own, whose large pages are read a
// fifth faster.
enum class WeightUse { Own, Shared };

class Linear {
 public:
  Linear() = default;
  Linear(Tensor weight, Tensor bias = {}, WeightUse use = WeightUse::Own);  // [out, in], [out]
  int64_t inputs() const { return weight_.dim(1); }
  int64_t outputs() const { return weight_.dim(0); }

  void forward(const float* x, int64_t rows, float* y, Team& team) const;  // [rows, in] -> [rows, out]
  Tensor forward(const Tensor& x, Team& team) const;                       // [..., in] -> [..., out]

  bool is_quantised() const { return weight_.is_quantised(); }
  QuantisedMatrix quantised_matrix(Team& team) const;
  std::optional<int64_t> quantised_group() const;  // none: not quantised
  const float* bias() const { return bias_.defined() ? bias_.floats() : nullptr; }

 private:
  struct Packed;
  const Tensor& panels(Team& team) const;
  void pack(Team& team) const;

  Tensor weight_;
  Tensor bias_;                     // f32
  std::shared_ptr<Packed> packed_;  // of weights that are packed
};

struct LinearOutput {
  const Linear* layer;
  float* y;  // [rows, out]
};
// Layers with the same inputs: what they share is done once.
void forward_together(std::span<const LinearOutput> layers, const float* x, int64_t rows, Team& team);

// gate = silu(gate(x)) * up(x)
struct GatedLinear {
  const Linear& gate_layer;
  const Linear& up_layer;
  float* gate;  // [rows, out]
  Tensor& up;   // room, made where it is needed
};
void forward_gated(const GatedLinear& layers, const float* x, int64_t rows, Team& team);

// to += scale * second(gelu(first(x))), as in a block of the vision tower.
struct GeluPair {
  const Linear& first;
  const Linear& second;
  const float* scale;    // [out of second]
  Tensor &hidden, &out;  // room, made where it is needed
};
void add_gelu_pair(const GeluPair& layers, const float* x, int64_t rows, float* to, Team& team);

// Takes `name`.weight and, when wanted, `name`.bias.
Linear take_linear(WeightLoader& loader, const std::string& name, Shape shape, bool with_bias);

}  // namespace magma
