// The activations of the network, element by element.
#pragma once

#include <cstdint>

#include "magma/kernel/team.h"

namespace magma {

void gelu(float* values, int64_t count);                                     // in place; the exact form, with erf
void gelu(float* values, int64_t count, Team& team);                         // the same values
void silu_product(float* gate, const float* up, int64_t count);              // gate = silu(gate) * up
void silu_product(float* gate, const float* up, int64_t count, Team& team);  // the same values
void softmax(float* values, int64_t count);

float gelu_plain(float value);  // oracles, in f64
float silu_plain(float value);

}  // namespace magma
