// The names a pickle may use; nothing of them is ever called. Source: data_formats.md 8.3.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "magma/data/stored_value.h"

namespace magma {

enum class PickleMeaning : uint8_t {
  OrderedDict,
  RebuildTensor,
  RebuildTensorV2,
  RebuildTensorV3,
  RebuildParameter,
  Storage,
  UntypedStorage,
  Size,
  Device,
  DType,
  Encode,
  Bytes,
  ByteArray,
  Set,
  Complex,
  Reconstruct,
  Scalar,
  NdArray,
  NumpyDType
};

struct PickleName {
  std::string_view module, name;
  PickleMeaning meaning;
  Element element = Element::F32;  // of Storage and DType
};

// Number of an allowed name; nullopt for all others.
std::optional<int64_t> find_pickle_name(std::string_view module, std::string_view name);
const PickleName& pickle_name(int64_t number);
std::span<const PickleName> pickle_names();

}  // namespace magma
