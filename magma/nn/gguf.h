// GGUF: language models in one file (metadata, tokenizer, quantised tensors). Versions 2 and 3, little-endian.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "magma/core/file.h"
#include "magma/nn/gguf_header.h"

namespace magma {

// The head is validated when opened: bounds, overlaps, duplicates, checked products. Tensors are read part by part
// and not mapped: a file that shrinks meanwhile is an Error and not a signal.
class GgufFile {
 public:
  explicit GgufFile(const Path& path);
  const GgufHeader& header() const { return header_; }
  const GgufMetadata& metadata() const { return header_.metadata; }
  const std::map<std::string, GgufTensor>& tensors() const { return header_.tensors; }
  const GgufTensor& tensor(const std::string& name) const;  // Error(Malformed) when absent

  // Rows first .. first + n of a tensor seen as [rows, last dimension], dequantised; n is values.size() / last
  // dimension. A type that cannot be dequantised is Error(Refused). Several threads may read at once.
  void read_rows(const std::string& name, int64_t first, std::span<float> values) const;
  void read_rows(const std::string& name, int64_t first, std::span<uint16_t> bf16) const;

  // The blocks themselves, `bytes` of whole rows from row `first`.
  void read_blocks(const std::string& name, int64_t first, std::span<char> bytes) const;

 private:
  template <typename T>
  void read_values(const std::string& name, int64_t first, std::span<T> values) const;

  void read_at(int64_t offset, const std::string& name, std::span<char> bytes) const;

  Path path_;
  FileReader file_;
  GgufHeader header_;
};

}  // namespace magma
