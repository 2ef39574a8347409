// The tensors of a model folder, mapped: model.safetensors, or shards with model.safetensors.index.json.
#pragma once

#include <map>
#include <string>

#include "magma/core/file.h"
#include "magma/nn/tensor.h"

namespace magma {

using WeightMap = std::map<std::string, Tensor>;

// Checks headers, index and sizes of every file before it gives anything: each tensor of the index stands in the file
// named there and nowhere else, no file holds others, total_size is right. Error(Malformed) names file and tensor.
WeightMap map_weight_folder(const Path& folder);

WeightMap map_safetensors(const Path& path);  // one file

// Gives the memory of a mapped tensor back to the system; a later look reads the file again. An owned one is left
// alone.
void release_pages(const Tensor& mapped);

}  // namespace magma
