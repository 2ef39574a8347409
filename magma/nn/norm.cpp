#include "magma/nn/norm.h"

#include "magma/kernel/norm.h"

namespace magma {

LayerNorm::LayerNorm(WeightLoader& loader, const std::string& name, int64_t width, float epsilon)
    : weight_(loader.take(name + ".weight", {width})), bias_(loader.take(name + ".bias", {width})), epsilon_(epsilon) {}

void LayerNorm::prepare() {
  weight_ = weight_.as_f32();
  bias_ = bias_.as_f32();
}

void LayerNorm::forward(const float* x, int64_t rows, float* y, Team& team) const {
  layer_norm({.rows = rows,
              .width = weight_.dim(0),
              .x = x,
              .weight = weight_.floats(),
              .bias = bias_.floats(),
              .epsilon = epsilon_,
              .y = y},
             team);
}

RmsNorm::RmsNorm(WeightLoader& loader, const std::string& name, int64_t width, float epsilon)
    : weight_(loader.take(name + ".weight", {width})), epsilon_(epsilon) {}

void RmsNorm::prepare() { weight_ = weight_.as_f32(); }

void RmsNorm::forward(const float* x, int64_t rows, float* y, Team& team) const {
  rms_norm({.rows = rows, .width = weight_.dim(0), .x = x, .weight = weight_.floats(), .epsilon = epsilon_, .y = y},
           team);
}

}  // namespace magma
