// Which numbers of a MarkConfig a run can be made with.
#pragma once

#include "magma/mark/mark_config.h"

namespace magma {

void require_in_range(const MarkConfig& config);  // Error(Usage) naming the first setting that is out of range

}  // namespace magma
