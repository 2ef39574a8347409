// The elements of a list saved by torch, as JSON.
#pragma once

#include <memory>

#include "magma/data/item_file.h"
#include "magma/data/stored_value.h"

namespace magma {

std::unique_ptr<ItemFile> open_torch_items(const Path& path);  // Error(Malformed) when it holds no list

Json json_of(const StoredValue& numbers);  // nested lists; [n] for a single number

}  // namespace magma
