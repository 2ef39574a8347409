// Normalisation of rows. Sums in f32.
#pragma once

#include <cstdint>

#include "magma/kernel/team.h"

namespace magma {

struct Norm {
  int64_t rows = 0, width = 0;
  const float* x = nullptr;       // [rows, width]
  const float* weight = nullptr;  // [width]
  const float* bias = nullptr;    // [width]; layer norm only
  float epsilon = 0;
  float* y = nullptr;  // [rows, width]; may be x
};

void layer_norm(const Norm& job, Team& team);  // (x - mean) / sqrt(variance + epsilon) * weight + bias
void rms_norm(const Norm& job, Team& team);    // x / sqrt(mean(x^2) + epsilon) * weight
void layer_norm_plain(const Norm& job);        // oracles: sums in f64
void rms_norm_plain(const Norm& job);

}  // namespace magma
