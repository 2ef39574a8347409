#include "magma/nn/weight_files.h"

#include <filesystem>
#include <set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"
#include "magma/nn/quantised_file.h"
#include "magma/nn/weight_shards.h"

namespace magma {
namespace {

constexpr const char* kSingle = "model.safetensors";

Error malformed(const Path& file, std::string where, std::string what, std::string expected = "",
                std::string got = "") {
  return {ErrorCode::Malformed,
          {.file = file.string(),
           .where = std::move(where),
           .what = std::move(what),
           .expected = std::move(expected),
           .got = std::move(got)}};
}

// The name of a file beside the index: no folder, no way out of it.
void require_plain_name(const Path& index, const std::string& tensor, const std::string& shard) {
  const bool plain = !shard.empty() && shard.find('/') == std::string::npos && shard.find('\0') == std::string::npos &&
                     shard.ends_with(".safetensors") && shard.front() != '.';
  if (plain) return;
  throw Error(ErrorCode::Refused, {.file = index.string(),
                                   .where = "/weight_map/" + tensor,
                                   .what = "a shard is a .safetensors file beside the index",
                                   .got = shard});
}

std::map<std::string, std::set<std::string>> tensors_by_shard(const Path& index, const Json& root) {
  std::map<std::string, std::set<std::string>> result;
  const JsonObject map = JsonObject(root, index.string()).object("weight_map");
  for (const auto& [tensor, value] : map.raw().items()) {
    const std::string shard = map.string(tensor);
    require_plain_name(index, tensor, shard);
    result[shard].insert(tensor);
  }
  if (result.empty()) throw malformed(index, "/weight_map", "names no tensor");
  if (static_cast<int64_t>(result.size()) > limits().safetensors_shards) {
    throw Error(ErrorCode::Refused, {.file = index.string(),
                                     .where = "/weight_map",
                                     .what = "too many shards",
                                     .expected = fmt::format("at most {}", limits().safetensors_shards),
                                     .got = std::to_string(result.size())});
  }
  return result;
}

void require_as_listed(const Path& index, const Path& shard, const std::set<std::string>& listed,
                       const WeightMap& found) {
  for (const std::string& name : listed) {
    if (!found.contains(name)) {
      throw malformed(shard, "tensor " + name, "missing, but the index lists it in this file");
    }
  }
  for (const auto& [name, tensor] : found) {
    if (!listed.contains(name)) {
      throw malformed(shard, "tensor " + name, "the index does not list it in this file", "", index.filename());
    }
  }
}

WeightMap map_sharded(const Path& folder) {
  const Path index = folder / kWeightIndex;
  const Json root = read_json(index);
  WeightMap all;
  int64_t bytes = 0;
  for (const auto& [shard, listed] : tensors_by_shard(index, root)) {
    WeightMap part = map_safetensors(folder / shard);
    require_as_listed(index, folder / shard, listed, part);
    for (auto& [name, tensor] : part) {
      bytes = checked_add(bytes, tensor.bytes(), "total size of tensors");
      all.emplace(name, std::move(tensor));
    }
  }
  if (!root.contains("metadata")) return all;
  const JsonObject metadata = JsonObject(root, index.string()).object("metadata");
  if (metadata.has("total_size") && metadata.integer("total_size") != bytes) {
    throw malformed(index, "/metadata/total_size", "does not match the tensors", std::to_string(bytes),
                    std::to_string(metadata.integer("total_size")));
  }
  return all;
}

}  // namespace

WeightMap map_safetensors(const Path& path) {
  const SafetensorsFile file(path);
  WeightMap result;
  const std::shared_ptr<const char> data = file.map_data();
  const std::map<std::string, StoredMatrix> quantised = read_quantised_metadata(file, path.string());
  for (const auto& [name, entry] : file.tensors()) {
    const char* begin = data.get() + entry.begin;
    const auto found = quantised.find(name);
    if (found == quantised.end()) {
      result.emplace(name, Tensor::borrowed(begin, entry.shape, entry.dtype, data));
    } else {
      const StoredMatrix& stored = found->second;
      result.emplace(name, Tensor::borrowed_quantised(begin, {stored.rows, stored.columns}, stored.format, data));
    }
  }
  return result;
}

void release_pages(const Tensor& mapped) {
  if (mapped.owned() || !mapped.defined()) return;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(mapped.data());
  // Whole pages inside the tensor: the others belong to its neighbours too.
  const uintptr_t first = (begin + page - 1) / page * page;
  const uintptr_t end = (begin + static_cast<uintptr_t>(mapped.bytes())) / page * page;
  if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

WeightMap map_weight_folder(const Path& folder) {
  if (std::filesystem::exists(folder / kWeightIndex)) return map_sharded(folder);
  if (std::filesystem::exists(folder / kSingle)) return map_safetensors(folder / kSingle);
  throw Error(ErrorCode::FileSystem, {.file = folder.string(),
                                      .what = "no weights in the folder",
                                      .expected = fmt::format("{} or {}", kWeightIndex, kSingle)});
}

}  // namespace magma
