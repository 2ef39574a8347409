// torch_archive(): plain values as torch.save writes them, for torch.load(weights_only=True) and read_torch_file().
// Source: data_formats.md 8.
#pragma once

#include <string>

#include "magma/data/torch_value.h"

namespace magma {

// The bytes of a ZIP archive, the same for the same value. Tensors that share their StoredValue share a storage. Whole
// numbers of 64 bits; no Complex, Set, Array or Scalar.
std::string torch_archive(const TorchValue& value);

}  // namespace magma
