#include "magma/data/wtf8.h"

#include <fmt/format.h>

namespace magma {

Utf8Character wtf8_character(std::string_view text, size_t position) {
  const Utf8Character plain = utf8_character(text, position);
  if (plain.length > 0 || position + 3 > text.size()) return plain;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[position + i]); };
  const bool surrogate = byte(0) == 0xED && (byte(1) & 0xE0U) == 0xA0 && (byte(2) & 0xC0U) == 0x80;
  if (!surrogate) return plain;
  return {3, 0xD000U | ((byte(1) & 0x3FU) << 6U) | (byte(2) & 0x3FU)};
}

size_t find_invalid_wtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = static_cast<unsigned char>(text[i]) < 0x80 ? 1 : wtf8_character(text, i).length;
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

void append_wtf8_json(std::string& out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    const Utf8Character character = wtf8_character(text, i);
    const uint32_t code = character.code_point;
    if (code == '"' || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code < 0x20 || (code >= 0xD800 && code <= 0xDFFF)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
    } else {
      out += text.substr(i, character.length);
    }
    i += character.length;
  }
  out += '"';
}

}  // namespace magma
