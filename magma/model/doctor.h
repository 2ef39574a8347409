// Doctor: is a model folder right? Every part is loaded as the program would, held to the others, and run once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "magma/core/error.h"
#include "magma/model/pretrained.h"

namespace magma {

struct DoctorCheck {
  std::string name;
  std::string detail;          // what was found
  std::optional<Error> error;  // none: right
  bool skipped = false;        // what it needs is wrong, or the model has no such part
};

// `report` is called as each check ends. Nothing but interruption is thrown.
std::vector<DoctorCheck> examine_model(const Path& path, const LoadOptions& options,
                                       const std::function<void(const DoctorCheck&)>& report);

}  // namespace magma
