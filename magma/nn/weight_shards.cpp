#include "magma/nn/weight_shards.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/json.h"

namespace magma {

std::string shard_file_name(size_t index, size_t count) {
  return fmt::format("model-{:05}-of-{:05}.safetensors", index + 1, count);
}

void write_weight_index(const Path& folder, const std::map<std::string, std::string>& file_of, int64_t total_bytes) {
  const Json index = {{"metadata", {{"total_size", total_bytes}}}, {"weight_map", file_of}};
  write_file_atomically(folder / kWeightIndex, dump_json(index) + "\n");
}

}  // namespace magma
