// The head of a GGUF file, version 2 or 3: metadata and tensor entries, all checked before any tensor is read.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "magma/nn/gguf_blocks.h"
#include "magma/nn/gguf_cursor.h"
#include "magma/nn/gguf_value.h"

namespace magma {

struct GgufTensor {
  GgufTensorType type = GgufTensorType::F32;
  std::vector<int64_t> shape;  // outermost first, as everywhere in Magma: [out, in]; the file has it reversed
  int64_t begin = 0, end = 0;  // bytes of the file
  int64_t count() const;       // product of shape
};

struct GgufHeader {
  uint32_t version = 0;
  int64_t alignment = 0;
  GgufMetadata metadata;
  std::map<std::string, GgufTensor> tensors;
};

// Error(Malformed) where the file contradicts itself or its format; Error(Refused) for a limit, version 1, big-endian
// files and types that the format has dropped. Tensors tile the data up to padding; an end without padding is legal.
GgufHeader parse_gguf_header(const ReadAt& source, int64_t file_bytes, const std::string& file);

}  // namespace magma
