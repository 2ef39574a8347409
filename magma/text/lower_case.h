// Lower case by the rules of Unicode, as str.lower() of Python 3.11 has it (tools/make_lower_case_tables.py).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace magma {

// Of UTF-8; bytes that are not UTF-8 stay as they are.
std::string lower_case(std::string_view text);

// Code points first, first + step, ... last become lower case by adding delta; ascending.
struct LowerRun {
  uint32_t first, last;
  uint32_t step;
  int32_t delta;
};
constexpr size_t kLowerRuns = 181;
extern const std::array<LowerRun, kLowerRuns> kLowerTable;

constexpr size_t kCaseClassChanges = 1107;
// First code point of a run times four, plus the class of the run; ascending.
extern const std::array<uint32_t, kCaseClassChanges> kCaseClassTable;

}  // namespace magma
