// Tower: pictures -> features. A plug-in of magma/model/towers.
#pragma once

#include "magma/core/registry.h"
#include "magma/model/model_config.h"
#include "magma/model/stages.h"
#include "magma/nn/linear.h"

namespace magma {

class Tower {
 public:
  static constexpr const char* kKind = "vision tower";
  virtual ~Tower() = default;
  virtual void take_weights(WeightLoader& loader, const VisionConfig& config) = 0;
  virtual void prepare() = 0;  // once the loader is content
  // pictures [N, 3, H, W] -> [N, H / 32, W / 32, C]; H and W multiples of 32
  virtual Tensor features(const Tensor& pictures, const StageSink& sink, Team& team) const = 0;
};

using Towers = Registry<Tower>;

}  // namespace magma
