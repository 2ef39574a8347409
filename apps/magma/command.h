// Command: one verb of the program. A plug-in of apps/magma/commands, named after its file.
#pragma once

#include <string>

#include "apps/magma/output.h"
#include "magma/core/registry.h"

namespace CLI {
class App;
}

namespace magma {

class Command {
 public:
  static constexpr const char* kKind = "command";

  virtual ~Command() = default;
  virtual void options(CLI::App& app) = 0;
  virtual std::string examples() const = 0;  // the end of --help: one command and what it does per line
  virtual int run(const Output& out) = 0;    // the exit code; throws Error
};

using Commands = Registry<Command>;

}  // namespace magma
