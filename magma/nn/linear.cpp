#include "magma/nn/linear.h"

#include <mutex>
#include <utility>

#include "magma/core/check.h"
#include "magma/kernel/bf16_panels.h"
#include "magma/kernel/matmul.h"

namespace magma {

struct Linear::Packed {
  std::once_flag once;
  Tensor source, panels;
};

Linear::Linear(Tensor weight, Tensor bias, WeightUse use) : weight_(std::move(weight)) {
  if (bias.defined()) bias_ = bias.as_f32();
  const bool packs = use == WeightUse::Own && weight_.defined() && weight_.dtype() == DType::BF16;
  if (!packs || !has_bf16_products()) return;
  packed_ = std::make_shared<Packed>();
  packed_->source = weight_;
  weight_ = Tensor::borrowed(nullptr, weight_.shape(), DType::BF16, nullptr);
}

const Tensor& Linear::panels(Team& team) const {
  std::call_once(packed_->once, [&] {
    Tensor& source = packed_->source;
    const Bf16Panels shape{outputs(), inputs()};
    packed_->panels = Tensor::uninitialised({shape.count()}, DType::BF16);
    auto* values = static_cast<uint16_t*>(packed_->panels.mutable_data());
    pack_bf16_panels(static_cast<const uint16_t*>(source.data()), shape, values, team);
    release_pages(source);
    source = {};
  });
  return packed_->panels;
}

void Linear::forward(const float* x, int64_t rows, float* y, Team& team) const {
  const float* bias = bias_.defined() ? bias_.floats() : nullptr;
  if (packed_) {
    const Bf16Panels weight{outputs(), inputs(), static_cast<const uint16_t*>(panels(team).data())};
    return panel_matmul({.M = rows, .weight = weight, .x = x, .bias = bias, .y = y}, team);
  }
  matmul({.M = rows,
          .N = outputs(),
          .K = inputs(),
          .x = x,
          .weight = weight_.data(),
          .format = number_format(weight_.dtype()),
          .bias = bias,
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
