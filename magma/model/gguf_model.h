// A GGUF file of the Llama family as configuration and weights of a language model.
#pragma once

#include <map>
#include <string>

#include "magma/model/magma.h"
#include "magma/nn/gguf.h"
#include "magma/nn/weight_files.h"

namespace magma {

struct GgufModel {
  MagmaConfig config;
  WeightMap weights;  // names of Hugging Face; F32 tensors stay F32, all others become what `precision` says
};

MagmaConfig read_gguf_config(const GgufFile& file, const std::string& name);  // `name`: what errors say
// Stored: quantised matrices keep their blocks, F16 becomes bf16. Error(Refused) for what the file may hold and the
// decoder does not compute.
GgufModel read_gguf_model(const GgufFile& file, const std::string& name, int threads, Precision precision);

// Bytes in memory of every tensor.
std::map<std::string, int64_t> gguf_weight_bytes(const Path& path, Precision precision);

}  // namespace magma
