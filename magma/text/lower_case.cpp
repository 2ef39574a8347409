#include "magma/text/lower_case.h"

#include <algorithm>
#include <vector>

#include "magma/core/utf8.h"

namespace magma {
namespace {

constexpr uint32_t kSigma = 0x3A3, kSmallSigma = 0x3C3, kFinalSigma = 0x3C2;
constexpr uint32_t kDottedI = 0x130, kDotAbove = 0x307;
constexpr uint32_t kRawByte = 0x110000;  // plus the byte: not UTF-8

enum class CaseClass : uint8_t { Other, Cased, Ignorable };

CaseClass case_class(uint32_t code_point) {
  const auto after = std::upper_bound(kCaseClassTable.begin(), kCaseClassTable.end(), code_point << 2U | 3U);
  return after == kCaseClassTable.begin() ? CaseClass::Other : static_cast<CaseClass>(*(after - 1) & 3U);
}

uint32_t lower(uint32_t code_point) {
  const auto run = std::lower_bound(kLowerTable.begin(), kLowerTable.end(), code_point,
                                    [](const LowerRun& candidate, uint32_t value) { return candidate.last < value; });
  if (run == kLowerTable.end() || code_point < run->first || (code_point - run->first) % run->step != 0) {
    return code_point;
  }
  return code_point + static_cast<uint32_t>(run->delta);
}

// Whether the first code point that is not ignorable is a cased one.
template <typename Iterator>
bool cased_follows(Iterator begin, Iterator end) {
  const auto found =
      std::find_if(begin, end, [](uint32_t code_point) { return case_class(code_point) != CaseClass::Ignorable; });
  return found != end && case_class(*found) == CaseClass::Cased;
}

void append(std::string& out, uint32_t code_point) {
  code_point < kRawByte ? append_utf8(out, code_point) : out.push_back(static_cast<char>(code_point - kRawByte));
}

std::vector<uint32_t> code_points(std::string_view text) {
  std::vector<uint32_t> result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Character character = utf8_character(text, at);
    result.push_back(character.length > 0 ? character.code_point : kRawByte + static_cast<unsigned char>(text[at]));
    at += std::max<size_t>(character.length, 1);
  }
  return result;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
    for (const char c : text) out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    return out;
  }
  const std::vector<uint32_t> all = code_points(text);
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i] == kSigma) {
      const auto here = static_cast<std::ptrdiff_t>(i);
      const bool last =
          cased_follows(all.rend() - here, all.rend()) && !cased_follows(all.begin() + here + 1, all.end());
      append(out, last ? kFinalSigma : kSmallSigma);
    } else if (all[i] == kDottedI) {
      append(out, 'i');
      append(out, kDotAbove);
    } else {
      append(out, lower(all[i]));
    }
  }
  return out;
}

}  // namespace magma
