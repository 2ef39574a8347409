// What this build is.
#pragma once

#include <string>

namespace magma {

std::string version_number();  // "0.1.0"
std::string version_line();    // "magma 0.1.0 (g++ 12.2.0, x86-64)"

}  // namespace magma
