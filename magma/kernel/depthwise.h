// Depthwise 7x7 convolution on channels-last pictures, zeros around them.
#pragma once

#include <cstdint>

#include "magma/kernel/team.h"

namespace magma {

constexpr int64_t kDepthwiseSide = 7;

struct Depthwise {
  int64_t pictures = 0, H = 0, W = 0, C = 0;
  const float* x = nullptr;       // [pictures, H, W, C]
  const float* weight = nullptr;  // [7, 7, C]
  const float* bias = nullptr;    // [C]
  float* y = nullptr;             // [pictures, H, W, C]
};

void depthwise(const Depthwise& job, Team& team);
void depthwise_plain(const Depthwise& job);  // the oracle: sums in f64

}  // namespace magma
