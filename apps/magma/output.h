// Output: results for people or, with --json, for programs, on stdout. Everything else goes to stderr.
#pragma once

#include <string>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json_fwd.hpp>

#include "magma/core/progress.h"

namespace magma {

class Output {
 public:
  Output(bool json, bool quiet) : json_(json), quiet_(quiet) {}
  bool json() const { return json_; }
  ProgressStyle progress() const { return quiet_ ? ProgressStyle::Quiet : ProgressStyle::Auto; }

  // One line of JSON with --json, else nothing. Floats with `digits` digits; 17 give every one back exactly.
  void value(const nlohmann::json& value, int digits = 9) const;
  // One line of JSON. What some readers take for the end of a line (U+0085, U+2028, U+2029) is written as its escape.
  static void json_line(const std::string& json);
  // Text for people; nothing with --json.
  template <typename... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    if (!json_) write(fmt::format(format, std::forward<Arguments>(arguments)...) + "\n");
  }
  // The same bytes whatever the mode: help, completion scripts.
  static void write(const std::string& text);
  // From here on stdout holds a line for each result and nothing else, not even an error's machine form.
  static void only_results();
  static bool has_only_results();
  static bool shows_colour();  // stdout is a terminal, and NO_COLOR is not set

 private:
  bool json_ = false;
  bool quiet_ = false;
};

}  // namespace magma
