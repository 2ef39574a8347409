// White space at the ends of a text and between its words, as Python's str.strip() and str.split() see it: Unicode's,
// and the four separators of ASCII.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace magma {

size_t leading_space(std::string_view text);   // bytes
size_t trailing_space(std::string_view text);  // bytes
std::string_view stripped(std::string_view text);
int64_t count_words(std::string_view text);

}  // namespace magma
