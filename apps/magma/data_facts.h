// What `magma info` says of training data.
#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/file.h"

namespace magma {

// RLDS folders, TFRecord and torch files, JSON arrays, configurations; nullopt for anything else.
std::optional<nlohmann::json> data_facts(const Path& source);

}  // namespace magma
