// Quantised panels -> bf16 panels, for products of many rows on processors whose bf16 products (AMX) are faster than
// their 8-bit ones with a scale for each group.
#pragma once

#include "magma/kernel/bf16_panels.h"
#include "magma/kernel/quantised_matrix.h"

namespace magma {

// Values rounded to nearest; `values` has room for Bf16Panels{N, K}.count().
void widen_to_bf16_panels(const QuantisedMatrix& matrix, uint16_t* values, Team& team);

// Whether that is faster here for many rows.
bool prefers_bf16_products();

}  // namespace magma
