// Matrix products with quantised weights: activations are rounded to 8 bits (quantised_rows.h), products of a group
// are exact in 32-bit integers, groups are summed up in f32 in order.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "magma/kernel/quantised_matrix.h"
#include "magma/kernel/quantised_rows.h"
#include "magma/kernel/team.h"

namespace magma {

// y [rows of x, N] = x [rows, K] * weight^T + bias [N]. A row of y depends on its row of x alone.
struct QuantisedProduct {
  QuantisedMatrix weight;
  const float* bias = nullptr;  // none: zero
  float* y = nullptr;
  const float* added_times = nullptr;  // [N]: y += added_times * (x * weight^T + bias) instead
};

// Products of the same rows in one pass of the team; groups of weights and rows are the same.
void quantised_matmul(std::span<const QuantisedProduct> products, const QuantisedRows& x, Team& team);

// y [rows of x, N] = silu(x * gate^T + gate_bias) * (x * up^T + up_bias); both [N, K], the same values as apart.
struct QuantisedGate {
  QuantisedMatrix gate, up;
  const float* gate_bias = nullptr;
  const float* up_bias = nullptr;
  float* y = nullptr;
};
void quantised_gate(const QuantisedGate& job, const QuantisedRows& x, Team& team);

// y = gelu(x * weight^T + bias), rounded as it is made: for a product whose y is another one's x, [rows of x, N] with
// groups of `group`. The same codes as by way of f32.
void quantised_gelu(const QuantisedMatrix& weight, const float* bias, const QuantisedRows& x, int64_t group,
                    QuantisedRows& y, Team& team);

void quantised_matmul_plain(const QuantisedProduct& product, const QuantisedRows& x);  // the oracle: sums in f64

// "avx512_vnni", "avx2", "plain": what this processor runs; tests choose others.
enum class QuantisedInstructions { Plain, Avx2, Avx512Vnni };
QuantisedInstructions best_quantised_instructions();
std::string instructions_name(QuantisedInstructions instructions);
void use_quantised_instructions(QuantisedInstructions instructions);

}  // namespace magma
