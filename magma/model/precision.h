// The number format that matrices have in memory.
#pragma once

#include <map>
#include <string>

#include "magma/model/magma.h"
#include "magma/nn/weight_files.h"

namespace magma {

// Tensors of rank 2 and more, one after the other; the pages of a mapped one are given back at once, so that the peak
// is the result. bf16 is rounded to nearest, ties to even.
void convert_matrices(WeightMap& weights, Precision precision);

// Bytes in memory of every tensor of a folder, by canonical name.
std::map<std::string, int64_t> folder_weight_bytes(const Path& folder, Precision precision);

}  // namespace magma
