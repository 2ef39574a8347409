// Matrix products with weights in f32, bf16 or f16; activations and sums in f32.
#pragma once

#include <cstdint>
#include <string_view>

#include "magma/kernel/number_format.h"
#include "magma/kernel/team.h"

namespace magma {

// y [M, N] = x [M, K] * weight [N, K]^T + bias [N]. A row of y depends on its row of x alone and is the same bits
// whatever other rows stand beside it, as long as M stays on one side of kFewRows.
struct Matmul {
  int64_t M = 0, N = 0, K = 0;
  const float* x = nullptr;
  const void* weight = nullptr;
  NumberFormat format = NumberFormat::F32;
  const float* bias = nullptr;  // none: zero
  float* y = nullptr;
};

constexpr int64_t kFewRows = 16;

void matmul(const Matmul& job, Team& team);  // with the instructions this processor has
void matmul_plain(const Matmul& job);        // the oracle: sums in f64
std::string_view matmul_instructions();      // "avx2", "plain"
double multiply_add_rate(Team& team);        // operations per second in the registers alone, all threads

}  // namespace magma
