// Keys of dictionaries and sets, equal when Python takes them for equal.
#pragma once

#include <optional>
#include <string>

#include "magma/data/torch_value.h"

namespace magma {

// Text that two keys share exactly when they are one key; nullopt for what cannot be a key.
std::optional<std::string> torch_key(const TorchValue& key);

}  // namespace magma
