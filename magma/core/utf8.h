// UTF-8, byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace magma {

struct Utf8Character {
  size_t length = 0;  // bytes; 0: not valid UTF-8 here
  uint32_t code_point = 0;
};

// The character that starts at `position`. Overlong forms, surrogates and code points above 10FFFF are not valid.
Utf8Character utf8_character(std::string_view text, size_t position);

// Byte of the first invalid sequence, or npos.
size_t find_invalid_utf8(std::string_view text);

void append_utf8(std::string& out, uint32_t code_point);  // up to 10FFFF

}  // namespace magma
