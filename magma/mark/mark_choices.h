// The settings of MarkConfig that name one of several things.
#pragma once

#include "magma/mark/mark_config.h"

namespace magma {

// Error(Usage), with the nearest known word as hint, for a setting that names a choice there is not. To be called
// before any work: a misspelt name must not mean the default.
void require_known_choices(const MarkConfig& config);

}  // namespace magma
