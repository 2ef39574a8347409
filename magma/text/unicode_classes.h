// The three classes of characters that pre-tokenisation tells apart (Unicode 16.0; tools/make_unicode_tables.py).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace magma {

enum class TextClass : uint8_t { Other, Letter, Number, Space };  // rest, categories L*, N*, property White_Space

TextClass text_class(uint32_t code_point);

constexpr size_t kTextClassChanges = 1610;
// First code point of a run times four, plus the class of the run; ascending.
extern const std::array<uint32_t, kTextClassChanges> kTextClassTable;

}  // namespace magma
