#include "magma/text/unicode_classes.h"

#include <algorithm>

namespace magma {
namespace {

constexpr uint32_t kExpanded = 0x32400;  // above it there is nothing but TextClass::Other

std::array<TextClass, kExpanded> expand() {
  std::array<TextClass, kExpanded> classes{};
  for (size_t i = 0; i < kTextClassTable.size(); ++i) {
    const uint32_t first = std::min(kTextClassTable[i] >> 2U, kExpanded);
    const uint32_t end = i + 1 < kTextClassTable.size() ? std::min(kTextClassTable[i + 1] >> 2U, kExpanded) : kExpanded;
    std::fill(classes.begin() + first, classes.begin() + end, static_cast<TextClass>(kTextClassTable[i] & 3U));
  }
  return classes;
}

}  // namespace

TextClass text_class(uint32_t code_point) {
  static const std::array<TextClass, kExpanded> classes = expand();
  return code_point < kExpanded ? classes[code_point] : TextClass::Other;
}

}  // namespace magma
