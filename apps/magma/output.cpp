#include "apps/magma/output.h"

#include <cerrno>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "magma/core/error.h"
#include "magma/core/json.h"

namespace magma {

void Output::value(const nlohmann::json& value, int digits) const {
  if (json_) write(dump_json(value, digits) + "\n");
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

}  // namespace magma
