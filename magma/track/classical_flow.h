// One Lucas-Kanade step of one point, coarse to fine. Residuals are free of the window's mean and contrast, so a change
// of exposure does not move a point. Source: som_tom.md 3.1, steps 2 and 3.
#pragma once

#include "magma/track/classical_pyramid.h"

namespace magma {

inline constexpr int kFlowSide = 20;              // px, window
inline constexpr int kFlowPatch = kFlowSide + 4;  // px, window with room for its gradients

// What is looked for: a patch around a point, with its gradients and normal equations.
class FlowTemplate {
 public:
  // `patch` [kFlowPatch, kFlowPatch] around the point. `centre` and `frame` tell which pixels are outside the image
  // and do not count.
  void prepare(const float* patch, Point centre, Size frame);
  // Moves `at` (px of `plane`) until the patch fits; false when it leaves the image or has no texture to hold on to.
  bool align(const FloatPlane& plane, Point& at, int iterations, float epsilon) const;
  // Smallest eigenvalue of the mean gradient matrix, (grey levels / px)^2.
  float min_eigenvalue() const { return min_eigenvalue_; }

 private:
  struct Sums {
    float weight, value, square, x, y;
  };
  template <bool kWeighted>
  Sums correlate(const float* window) const;
  template <bool kWeighted>
  void prepare_weighted(const float* patch);
  template <bool kWeighted>
  bool align_weighted(const FloatPlane& plane, Point& at, int iterations, float epsilon) const;
  void weigh(Point centre, Size frame);

  alignas(32) float weight_[kFlowSide * kFlowSide];  // set only where weighted_
  alignas(32) float gx_[kFlowSide * kFlowSide];      // weighted, mean removed
  alignas(32) float gy_[kFlowSide * kFlowSide];
  bool weighted_ = false;  // the window reaches over the edge
  float deviation_ = 0;    // of the patch, grey levels
  float total_weight_ = 0;
  float x_ = 0, y_ = 0;             // correlation of the patch with its own gradients
  float xx_ = 0, xy_ = 0, yy_ = 0;  // inverse of the normal matrix
  float min_eigenvalue_ = 0;
};

struct FlowSettings {
  int top_level;
  int iterations;
  float epsilon;  // px
};

// Follows `from` in `previous` to `to` in `current` (in: start, out: result), levels top_level .. 0. `base` is the
// template of level 0: prepared here unless it is ready.
bool follow(const FloatPyramid& previous, const FloatPyramid& current, Point from, Point& to,
            const FlowSettings& settings, FlowTemplate& base, bool base_is_ready);

}  // namespace magma
