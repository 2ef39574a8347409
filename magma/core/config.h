// Configuration: one struct, one fields() naming each field and its help once; from it YAML, --set, help and JSON.
//
//   struct MarkConfig {
//     double eps_px = 1.0;  (px per frame)
//     template <typename Visitor> void fields(Visitor& v) { v("eps_px", eps_px, "speed above which a point moves"); }
//   };  then
//   ConfigView view = config_view(config);   // then load_yaml(view, path), set(view, "eps_px=2"), to_json(view)
//
// A list of texts is [a, b]; one text alone is a list of one. Numbers by name are {a: 1, b: 2}, which replaces those of
// before, or "field.a=1", which adds to them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/file.h"

namespace magma {

using ConfigTexts = std::vector<std::string>;
using ConfigNumbers = std::map<std::string, double>;

struct ConfigField {
  std::string name;  // dotted for nested structs: "camera.eps_px"
  std::variant<bool*, int*, int64_t*, double*, std::string*, ConfigTexts*, ConfigNumbers*> value;
  std::string help;
};

using ConfigView = std::vector<ConfigField>;

class ConfigVisitor {
 public:
  explicit ConfigVisitor(ConfigView& view, std::string prefix = "") : view_(view), prefix_(std::move(prefix)) {}

  template <typename T>
  void operator()(std::string_view name, T& value, std::string_view help) {
    if constexpr (requires(T t, ConfigVisitor v) { t.fields(v); }) {
      ConfigVisitor nested(view_, prefix_ + std::string(name) + ".");
      value.fields(nested);
    } else {
      view_.push_back({prefix_ + std::string(name), &value, std::string(help)});
    }
  }

 private:
  ConfigView& view_;
  std::string prefix_;
};

template <typename Struct>
ConfigView config_view(Struct& config) {
  ConfigView view;
  ConfigVisitor visitor(view);
  config.fields(visitor);
  return view;
}

// YAML without aliases, anchors, tags; depth <= 64. Unknown key, wrong type: Error(Usage), nearest key as hint.
void load_yaml(const ConfigView& view, const Path& path);
void set(const ConfigView& view, std::string_view assignment);  // "camera.eps_px=1.5", "tags=[a, b]"
nlohmann::json to_json(const ConfigView& view);                 // nested objects
std::string to_yaml(const ConfigView& view);                    // with help as comments

}  // namespace magma
