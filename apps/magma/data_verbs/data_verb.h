// DataVerb: one verb of `magma data`. A plug-in of apps/magma/data_verbs, named after its file.
#pragma once

#include "apps/magma/command.h"

namespace magma {

class DataVerb {
 public:
  static constexpr const char* kKind = "data verb";

  virtual ~DataVerb() = default;
  virtual void options(CLI::App& app) = 0;
  virtual std::string examples() const = 0;
  virtual int run(const Output& out) = 0;  // the exit code; throws Error
};

using DataVerbs = Registry<DataVerb>;

}  // namespace magma
