// The number format that matrices have in memory.
#pragma once

#include "magma/model/magma.h"
#include "magma/nn/weight_files.h"

namespace magma {

// Tensors of rank 2 and more, one after the other; the pages of a mapped one are given back at once, so that the peak
// is the result. bf16 is rounded to nearest, ties to even.
void convert_matrices(WeightMap& weights, Precision precision);

}  // namespace magma
