// One logger to stderr. MAGMA_LOG=debug|info|warning|error|off sets the level; default warning.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace magma {

enum class LogLevel { Debug, Info, Warning, Error, Off };

void set_log_level(LogLevel level);
LogLevel log_level();
void log_line(LogLevel level, std::string_view text);

template <typename... Arguments>
void log(LogLevel level, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (level >= log_level()) log_line(level, fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace magma
