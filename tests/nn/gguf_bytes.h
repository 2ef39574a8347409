// Puts GGUF files together byte by byte, wrong ones too.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace magma {

template <typename T>
std::string packed(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

inline std::string gguf_text(const std::string& text) { return packed<uint64_t>(text.size()) + text; }

inline std::string gguf_value(const std::string& key, uint32_t type, const std::string& bytes) {
  return gguf_text(key) + packed(type) + bytes;
}

// `sides` innermost first, as in the file.
inline std::string gguf_tensor(const std::string& name, const std::vector<uint64_t>& sides, uint32_t type,
                               uint64_t offset) {
  std::string bytes = gguf_text(name) + packed(static_cast<uint32_t>(sides.size()));
  for (const uint64_t side : sides) bytes += packed(side);
  return bytes + packed(type) + packed(offset);
}

struct GgufBytes {
  std::string magic = "GGUF";
  uint32_t version = 3;
  std::vector<std::string> values;
  std::vector<std::string> tensors;
  size_t data = 0;  // bytes behind the padding of the head
  size_t alignment = 32;

  std::string with_counts(uint64_t tensor_count, uint64_t value_count) const {
    std::string bytes = magic + packed(version) + packed(tensor_count) + packed(value_count);
    for (const std::string& value : values) bytes += value;
    for (const std::string& tensor : tensors) bytes += tensor;
    if (data > 0) bytes.resize((bytes.size() + alignment - 1) / alignment * alignment + data, '\0');
    return bytes;
  }
  std::string bytes() const { return with_counts(tensors.size(), values.size()); }
};

}  // namespace magma
