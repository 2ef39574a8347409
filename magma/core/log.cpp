#include "magma/core/log.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "magma/core/error.h"

namespace magma {
namespace {

constexpr size_t kLineBytes = 2000;
constexpr const char* kNames[] = {"debug", "info", "warning", "error", "off"};

std::optional<LogLevel> level_named(std::string_view name) {
  for (int i = 0; i < 5; ++i) {
    if (name == kNames[i]) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

void write_line(LogLevel level, std::string_view text) {
  const std::string line = fmt::format("{}: {}\n", kNames[static_cast<int>(level)], escape_text(text, kLineBytes));
  std::fwrite(line.data(), 1, line.size(), stderr);
}

LogLevel level_from_environment() {
  const char* name = std::getenv("MAGMA_LOG");
  if (name == nullptr || *name == '\0') return LogLevel::Warning;
  if (const auto level = level_named(name)) return *level;
  write_line(LogLevel::Warning,
             fmt::format("MAGMA_LOG={} is none of debug, info, warning, error, off; using warning", name));
  return LogLevel::Warning;
}

std::atomic<LogLevel>& current_level() {
  static std::atomic<LogLevel> level{level_from_environment()};
  return level;
}

}  // namespace

void set_log_level(LogLevel level) { current_level() = level; }
LogLevel log_level() { return current_level(); }
void log_line(LogLevel level, std::string_view text) { write_line(level, text); }

}  // namespace magma
