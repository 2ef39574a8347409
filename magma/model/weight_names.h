// Names of tensors as other programs write them -> the published ones. Rules: model.md 2.6.
#pragma once

#include <string>

#include "magma/nn/weight_files.h"

namespace magma {

constexpr const char* kEmbeddingWeight = "language_model.model.embed_tokens.weight";
constexpr const char* kHeadWeight = "language_model.lm_head.weight";

std::string canonical_name(const std::string& name);  // of one tensor, without looking at its shape

// A tensor of the file that the network never reads: the CLIP head and leftovers of training.
bool is_unused_name(const std::string& canonical);

// Renames all, squeezes [o, i, 1, 1] linears. Error(Malformed) when two tensors get one name.
WeightMap with_canonical_names(const WeightMap& weights, const std::string& source);

}  // namespace magma
