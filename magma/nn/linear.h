// Linear: y = x W^T + b. The place where weights of other precisions come in.
#pragma once

#include <string>

#include "magma/kernel/team.h"
#include "magma/nn/load_weights.h"
#include "magma/nn/tensor.h"

namespace magma {

class Linear {
 public:
  Linear() = default;
  Linear(Tensor weight, Tensor bias = {});  // [out, in], [out]
  int64_t inputs() const { return weight_.dim(1); }
  int64_t outputs() const { return weight_.dim(0); }
  bool defined() const { return weight_.defined(); }
  const Tensor& weight() const { return weight_; }

  void forward(const float* x, int64_t rows, float* y, Team& team) const;  // [rows, in] -> [rows, out]
  Tensor forward(const Tensor& x, Team& team) const;                       // [..., in] -> [..., out]

 private:
  Tensor weight_;
  Tensor bias_;  // f32
};

// Takes `name`.weight and, when wanted, `name`.bias.
Linear take_linear(WeightLoader& loader, const std::string& name, Shape shape, bool with_bias);

}  // namespace magma
