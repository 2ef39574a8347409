#include <nlohmann/json.hpp>

#include "magma/core/config.h"
#include "magma/mark/mark_config.h"
#include "tests/fuzz/fuzz_target.h"

namespace magma {

void fuzz_config(std::string_view bytes) {
  MarkConfig config;
  const ConfigView view = config_view(config);
  const Path path = fuzz_file("config", "input.yaml", bytes);
  if (!unless_refused([&] { return load_yaml(view, path), true; })) return;
  const nlohmann::json loaded = to_json(view);
  MarkConfig copy;
  const ConfigView copy_view = config_view(copy);
  load_yaml(copy_view, fuzz_file("config", "again.yaml", to_yaml(view)));
  demand(to_json(copy_view) == loaded, "what is written reads back the same");
}

}  // namespace magma
