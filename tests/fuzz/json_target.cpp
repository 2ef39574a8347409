#include <set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "tests/fuzz/fuzz_target.h"

namespace magma {
namespace {

// Reasons for which a text is refused that the library under our reader takes.
bool is_stricter(const Error& error) {
  static const std::set<std::string> kReasons = {"key appears twice in one object", "integer does not fit 64 bits",
                                                 "JSON nested deeper than 64 levels", "starts with a byte order mark",
                                                 "not valid UTF-8"};
  return kReasons.contains(error.fields().what);
}

using NumberedValues = std::vector<std::pair<int64_t, Json>>;

NumberedValues by_json_lines(const Path& path) {
  NumberedValues values;
  JsonLines lines(path);
  while (auto value = lines.next()) values.emplace_back(lines.line_number(), std::move(*value));
  return values;
}

// The same without the reader of lines.
NumberedValues by_splitting(std::string_view bytes) {
  NumberedValues values;
  for (int64_t number = 1; !bytes.empty(); ++number) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) values.emplace_back(number, parse_json(line, "line"));
  }
  return values;
}

}  // namespace

void fuzz_json(std::string_view bytes) {
  const Json second = Json::parse(bytes, nullptr, false);
  try {
    const Json value = parse_json(bytes, "input.json");
    demand(!second.is_discarded(), "what the library refuses is refused");
    demand(value == second, "the library reads the same value");
    constexpr int kExactDigits = 17;
    demand(parse_json(dump_json(value, kExactDigits), "dump") == value, "what is written reads back the same");
  } catch (const Error& error) {
    demand_contract(error);
    demand(second.is_discarded() || is_stricter(error), "refused for a known reason: " + error.line());
  }
}

void fuzz_json_lines(std::string_view bytes) {
  const Path path = fuzz_file("json_lines", "input.jsonl", bytes);
  const auto values = unless_refused([&] { return by_json_lines(path); });
  const auto expected = unless_refused([&] { return by_splitting(bytes); });
  demand(values == expected, "lines are those between newlines");
}

}  // namespace magma
