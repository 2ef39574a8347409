// One setting from outside on its way into a configuration.
#pragma once

#include <string>

#include "magma/core/config.h"

namespace magma {

struct ConfigValue {
  std::string text;
  bool quoted = false;
};

// Error(Usage): unknown name or wrong type; `where` is the name.
void assign(const ConfigView& view, const std::string& name, const ConfigValue& value);

}  // namespace magma
