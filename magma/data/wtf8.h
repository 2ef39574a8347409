// Text of Python: UTF-8 in which lone surrogates may stand, each as three bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "magma/core/utf8.h"

namespace magma {

Utf8Character wtf8_character(std::string_view text, size_t position);  // as utf8_character(), surrogates allowed
size_t find_invalid_wtf8(std::string_view text);                       // byte, or npos
// As a JSON string, surrogates as \uXXXX.
void append_wtf8_json(std::string& out, std::string_view text);

}  // namespace magma
