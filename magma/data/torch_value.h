// TorchValue: what torch.save wrote, as plain values. No code of the file is ever run. Source: data_formats.md 8.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "magma/core/file.h"
#include "magma/data/stored_value.h"

namespace magma {

struct TorchValue {
  enum class Kind { None, Bool, Int, Float, Complex, String, Bytes, List, Tuple, Set, Dict, Tensor, Array, Scalar };
  Kind kind = Kind::None;
  bool boolean = false;
  std::string text{};  // String: UTF-8 (lone surrogates as WTF-8); Bytes; Int: its decimal digits, of any size
  double real = 0, imaginary = 0;
  std::vector<TorchValue> items{};                           // List, Tuple, Set
  std::vector<std::pair<TorchValue, TorchValue>> entries{};  // Dict, in stored order
  std::shared_ptr<const StoredValue> value{};                // Tensor, Array, Scalar (shape []); row-major

  const TorchValue* find(std::string_view key) const;  // of a Dict, nullptr when absent
};

// Zip archives and legacy files. Error(Refused) for a name that is not allowed or a limit, Malformed for damage; both
// name the entry and the byte.
TorchValue read_torch_file(const Path& path);

// One TREE of docs/formats.md "Data".
void append_json(std::string& out, const TorchValue& value, int64_t most_elements);

}  // namespace magma
