// What a model folder holds and what it needs, from its headers alone.
#pragma once

#include <vector>

#include "magma/core/json.h"
#include "magma/kernel/cache_format.h"
#include "magma/model/model_config.h"
#include "magma/nn/weight_files.h"

namespace magma {

struct ModelPart {
  std::string name;  // vision tower, projector, embedding, layers, head, ...
  int64_t tensors = 0, parameters = 0, bytes = 0;
};

std::vector<ModelPart> parts_of(const WeightMap& canonical);

// Bytes of keys and values of one sequence with `tokens` places.
int64_t cache_bytes(const TextConfig& text, int64_t tokens, CacheFormat format);

// Kind, architecture, parts, number formats, and the memory plan for a context of `tokens` places. Reads no weights.
Json model_folder_facts(const Path& folder, int64_t tokens);

}  // namespace magma
