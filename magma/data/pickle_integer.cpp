#include "magma/data/pickle_integer.h"

#include <cstdint>
#include <vector>

#include <fmt/format.h>

namespace magma {
namespace {

constexpr uint32_t kDigitsBase = 1'000'000'000;

}  // namespace

std::string decimal_digits(std::string_view bytes) {
  const bool negative = !bytes.empty() && (static_cast<uint8_t>(bytes.back()) & 0x80U) != 0;
  std::vector<uint8_t> magnitude(bytes.begin(), bytes.end());
  unsigned carry = negative ? 1 : 0;
  for (uint8_t& byte : magnitude) {
    const unsigned value = (negative ? 0xFFU ^ byte : byte) + carry;
    byte = static_cast<uint8_t>(value);
    carry = value >> 8U;
  }
  std::vector<uint32_t> groups;  // of nine digits, lowest first
  for (size_t i = magnitude.size(); i-- > 0;) {
    uint64_t rest = magnitude[i];
    for (uint32_t& group : groups) {
      rest += uint64_t{group} * 256;
      group = static_cast<uint32_t>(rest % kDigitsBase);
      rest /= kDigitsBase;
    }
    if (rest > 0) groups.push_back(static_cast<uint32_t>(rest));
  }
  std::string text = negative ? "-" : "";
  if (groups.empty()) return "0";
  text += std::to_string(groups.back());
  for (size_t i = groups.size() - 1; i-- > 0;) text += fmt::format("{:09}", groups[i]);
  return text;
}

}  // namespace magma
