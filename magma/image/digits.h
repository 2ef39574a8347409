// Outlines of the digits 0-9 in an Arial-metric face, so that marks need no font file. Made by tools/make_digits.py.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace magma {

struct DigitPoint {
  int16_t x, y;  // font units, y up from the baseline
};

inline constexpr int kDigitEm = 2048;       // font units of the font size
inline constexpr int kDigitAdvance = 1139;  // width of every digit with its margins
inline constexpr int kDigitAscent = 1854;   // text origin to baseline
inline constexpr int kDigitHeight = 1409;   // flat-topped digits
inline constexpr int kDigitOvershoot = 20;  // round digits reach this far beyond baseline and height

// Closed polygons, inside by the even-odd rule; digit 0..9.
std::vector<std::span<const DigitPoint>> digit_contours(int digit);

}  // namespace magma
