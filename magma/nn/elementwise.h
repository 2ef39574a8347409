// Element-by-element steps between the layers.
#pragma once

#include <cstdint>

#include "magma/kernel/activation.h"
#include "magma/kernel/team.h"

namespace magma {

void add(const float* from, int64_t count, float* to, Team& team);  // to += from

// to[r, c] += from[r, c] * scale[c]
struct ScaledColumns {
  int64_t rows = 0, width = 0;
  const float* from = nullptr;
  const float* scale = nullptr;
  float* to = nullptr;
};
void add_scaled_columns(const ScaledColumns& job, Team& team);

}  // namespace magma
