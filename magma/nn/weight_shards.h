// What a folder of safetensors shards is written by; map_weight_folder() reads it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "magma/core/file.h"

namespace magma {

constexpr const char* kWeightIndex = "model.safetensors.index.json";

// Tensors in their order, cut where a shard would grow beyond `shard_bytes`; no shard is empty.
template <typename Item, typename BytesOf>
std::vector<std::vector<Item>> cut_into_shards(std::vector<Item> items, int64_t shard_bytes, const BytesOf& bytes_of) {
  std::vector<std::vector<Item>> shards(1);
  int64_t bytes = 0;
  for (Item& item : items) {
    const int64_t size = bytes_of(item);
    if (bytes > 0 && bytes + size > shard_bytes) {
      shards.emplace_back();
      bytes = 0;
    }
    bytes += size;
    shards.back().push_back(std::move(item));
  }
  return shards;
}

std::string shard_file_name(size_t index, size_t count);  // model-00001-of-00002.safetensors, index from 0

// `file_of`: each tensor's. Written last, it makes the folder one that can be loaded.
void write_weight_index(const Path& folder, const std::map<std::string, std::string>& file_of, int64_t total_bytes);

}  // namespace magma
