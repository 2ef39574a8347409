#include "magma/text/white_space.h"

#include <algorithm>

#include "magma/core/utf8.h"
#include "magma/text/unicode_classes.h"

namespace magma {
namespace {

bool is_stripped(uint32_t code_point) {
  return text_class(code_point) == TextClass::Space || (code_point >= 0x1C && code_point <= 0x1F);
}

}  // namespace

size_t leading_space(std::string_view text) {
  size_t end = 0;
  for (Utf8Character next = utf8_character(text, 0); next.length > 0 && is_stripped(next.code_point);
       next = utf8_character(text, end)) {
    end += next.length;
  }
  return end;
}

size_t trailing_space(std::string_view text) {
  constexpr size_t kLongest = 4;
  size_t begin = text.size();
  while (begin > 0) {
    size_t length = 1;
    while (length < std::min(kLongest, begin) && utf8_character(text, begin - length).length != length) ++length;
    const Utf8Character last = utf8_character(text, begin - length);
    if (last.length != length || !is_stripped(last.code_point)) break;
    begin -= length;
  }
  return text.size() - begin;
}

std::string_view stripped(std::string_view text) {
  text.remove_prefix(leading_space(text));
  text.remove_suffix(trailing_space(text));
  return text;
}

int64_t count_words(std::string_view text) {
  int64_t words = 0;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character character = utf8_character(text, at);
    const bool space = character.length > 0 && is_stripped(character.code_point);
    if (!space && !in_word) ++words;
    in_word = !space;
    at += std::max<size_t>(1, character.length);
  }
  return words;
}

}  // namespace magma
