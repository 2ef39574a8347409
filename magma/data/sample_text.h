// A sample for people to read.
#pragma once

#include <string>

#include "magma/data/sample.h"

namespace magma {

// Several lines: where it comes from, its pictures, each turn, the action in physical units.
void append_text(std::string& out, const Sample& sample);

}  // namespace magma
