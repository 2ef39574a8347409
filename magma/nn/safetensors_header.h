// The header of a safetensors file: JSON text <-> checked entries. Rules: data_formats.md 9.2.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "magma/nn/safetensors.h"

namespace magma {

struct SafetensorsHeader {
  std::map<std::string, TensorEntry> tensors;
  std::map<std::string, std::string> metadata;
};

// Error(Malformed) for anything but tensors that fill `data_bytes` exactly; Error(Refused) for a limit or a type that
// has no whole number of bytes or no counterpart here.
SafetensorsHeader parse_safetensors_header(std::string_view text, int64_t data_bytes, const std::string& file);

}  // namespace magma
