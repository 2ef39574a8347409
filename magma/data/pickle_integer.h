// Integers of any size, as a pickle stores them.
#pragma once

#include <string>
#include <string_view>

namespace magma {

// Of a two's complement number, lowest byte first; "0" of no bytes.
std::string decimal_digits(std::string_view bytes);

}  // namespace magma
