// A pickle's nodes as a tree of plain values, with the numbers of its storages. Source: data_formats.md 8.4.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "magma/data/pickle_graph.h"
#include "magma/data/torch_value.h"

namespace magma {

struct TorchSource {
  std::string file{}, entry{};  // for errors
  int64_t file_bytes = 0;       // tensors may take a multiple of them
  bool big_endian = false;      // storages
  // The bytes of a storage, as long as the source; throws when there is none.
  std::function<std::string_view(const PickleStorage&)> storage{};
};

// Error(Refused) for what refers to itself or grows out of proportion; errors of a tensor name its place and storage.
TorchValue build_torch_tree(const PickleGraph& graph, uint32_t root, const TorchSource& source);

}  // namespace magma
