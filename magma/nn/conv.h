// Convolutions of the tower, channels last. A patch convolution is a gather and a product.
#pragma once

#include "magma/kernel/team.h"
#include "magma/nn/tensor.h"

namespace magma {

// pictures [N, C, H, W] -> [N, H / side, W / side, C * side * side], each patch in the order C, y, x.
Tensor patches_of_planes(const Tensor& pictures, int64_t side, Team& team);
// The same from x [N, H, W, C].
Tensor patches_of_pixels(const Tensor& x, int64_t side, Team& team);

// [C, 1, 7, 7] -> [7, 7, C]
Tensor depthwise_weights(const Tensor& weight);
// x, y [N, H, W, C]; zeros around x.
void depthwise_7x7(const Tensor& x, const Tensor& weights, const Tensor& bias, Tensor& y, Team& team);

// [N, H, W, C] -> [N, C, H, W]
Tensor planes_of_pixels(const Tensor& x);

}  // namespace magma
