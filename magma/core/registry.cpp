#include "magma/core/registry.h"

#include <filesystem>

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/core/text_distance.h"

namespace magma {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

std::string plugin_name(std::string_view source_file) { return std::filesystem::path(source_file).stem().string(); }

void throw_unknown_plugin(std::string_view kind, std::string_view name, const std::vector<std::string>& known) {
  const std::string near = nearest_word(name, known);
  throw Error(ErrorCode::Usage, {.what = fmt::format("unknown {}", kind),
                                 .expected = "one of " + joined(known),
                                 .got = std::string(name),
                                 .hint = near.empty() ? "magma list shows every plug-in" : "did you mean " + near});
}

}  // namespace magma
