// Nearest known word for an unknown one, for hints.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace magma {

// "" when nothing is near enough to be a plausible misspelling.
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

}  // namespace magma
