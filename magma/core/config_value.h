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

// Error(Usage) with the nearest name as hint where `name` is none.
void require_known(const ConfigView& view, const std::string& name);

ConfigTexts* find_texts(const ConfigView& view, const std::string& name);  // nullptr: no such list

ConfigNumbers* find_numbers(const ConfigView& view, const std::string& name);  // nullptr: no such numbers by name

// Settings from YAML text, as load_yaml() reads them from a file; `file` is for errors.
void load_yaml_text(const ConfigView& view, const std::string& text, const std::string& file);

}  // namespace magma
