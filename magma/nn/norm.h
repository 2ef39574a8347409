// LayerNorm and RmsNorm over the last axis.
#pragma once

#include <string>

#include "magma/kernel/team.h"
#include "magma/nn/load_weights.h"

namespace magma {

class LayerNorm {
 public:
  LayerNorm() = default;
  LayerNorm(WeightLoader& loader, const std::string& name, int64_t width, float epsilon);
  void prepare();                                                          // once the loader is content
  void forward(const float* x, int64_t rows, float* y, Team& team) const;  // y may be x

 private:
  Tensor weight_, bias_;
  float epsilon_ = 0;
};

class RmsNorm {
 public:
  RmsNorm() = default;
  RmsNorm(WeightLoader& loader, const std::string& name, int64_t width, float epsilon);
  void prepare();
  void forward(const float* x, int64_t rows, float* y, Team& team) const;

 private:
  Tensor weight_;
  float epsilon_ = 0;
};

}  // namespace magma
