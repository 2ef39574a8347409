#include "apps/magma/output.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "magma/core/error.h"
#include "magma/core/json.h"

namespace magma {

void Output::value(const nlohmann::json& value, int digits) const {
  if (json_) json_line(dump_json(value, digits));
}

void Output::json_line(const std::string& json) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kSeparators = {
      {{"\xC2\x85", "\\u0085"}, {"\xE2\x80\xA8", "\\u2028"}, {"\xE2\x80\xA9", "\\u2029"}}};
  std::string line = json;
  for (const auto& [bytes, escape] : kSeparators) {
    for (size_t at = line.find(bytes); at != std::string::npos; at = line.find(bytes, at + escape.size())) {
      line.replace(at, bytes.size(), escape);
    }
  }
  write(line + "\n");
}

void Output::write(const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EPIPE) return;  // the reader has seen enough
    if (count < 0) throw system_error("write", "standard output", errno);
    done += static_cast<size_t>(count);
  }
}

namespace {
bool results_alone = false;
}

void Output::only_results() { results_alone = true; }
bool Output::has_only_results() { return results_alone; }

bool Output::shows_colour() { return std::getenv("NO_COLOR") == nullptr && isatty(STDOUT_FILENO) == 1; }

}  // namespace magma
