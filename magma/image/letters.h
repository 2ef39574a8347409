// A dot-matrix face of letters, digits and some points, so that text in pictures needs no font file.
#pragma once

#include <array>
#include <cstdint>

namespace magma {

inline constexpr int kGlyphWidth = 5, kGlyphHeight = 9;  // dots; the last two rows are below the baseline
inline constexpr int kGlyphCapital = 7;                  // rows of a capital
inline constexpr int kGlyphAdvance = 6;                  // dots from one character to the next

using Glyph = std::array<uint8_t, kGlyphHeight>;  // rows from the top, bit 4 the leftmost dot

// nullptr for a character that the face does not have.
const Glyph* find_glyph(char character);

}  // namespace magma
