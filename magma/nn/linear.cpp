#include "magma/nn/linear.h"

#include <utility>

#include "magma/core/check.h"
#include "magma/kernel/matmul.h"

namespace magma {

Linear::Linear(Tensor weight, Tensor bias) : weight_(std::move(weight)) {
  if (bias.defined()) bias_ = bias.as_f32();
}

void Linear::forward(const float* x, int64_t rows, float* y, Team& team) const {
  matmul({.M = rows,
          .N = outputs(),
          .K = inputs(),
          .x = x,
          .weight = weight_.data(),
          .format = number_format(weight_.dtype()),
          .bias = bias_.defined() ? bias_.floats() : nullptr,
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

Linear take_linear(WeightLoader& loader, const std::string& name, Shape shape, bool with_bias) {
  Tensor bias;
  if (with_bias) bias = loader.take(name + ".bias", {shape[0]});
  return {loader.take(name + ".weight", shape), std::move(bias)};
}

}  // namespace magma
