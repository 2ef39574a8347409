#include "magma/data/openx_recipe.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/limits.h"
#include "magma/data/gripper.h"
#include "magma/data/rotation.h"

namespace magma {
namespace {

using Function = Recipe::Function;
constexpr std::array<std::pair<std::string_view, Function>, 5> kFunctions = {{{"inv", Function::Invert},
                                                                              {"clip01", Function::Clip},
                                                                              {"binarize", Function::Binarize},
                                                                              {"rel2abs", Function::Absolute},
                                                                              {"euler", Function::Euler}}};
constexpr int64_t kQuaternion = 4, kAngles = 3;

int64_t integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  MAGMA_CHECK(failed == std::errc() && end == text.data() + text.size(), "recipe: '{}' is not a number", text);
  return value;
}

// "name(inner)" -> inner.
std::optional<std::string_view> argument(std::string_view text, std::string_view name) {
  if (!text.starts_with(name) || text.size() < name.size() + 2 || text[name.size()] != '(') return std::nullopt;
  MAGMA_CHECK(text.back() == ')', "recipe: '{}' is not closed", text);
  return text.substr(name.size() + 1, text.size() - name.size() - 2);
}

std::string full_key(std::string_view name) {
  if (name == "a") return "steps/action";
  MAGMA_CHECK(name.size() > 2 && name[1] == '/', "recipe: '{}' is not a feature", name);
  const std::string rest(name.substr(2));
  if (name[0] == 'a') return "steps/action/" + rest;
  if (name[0] == 'o') return "steps/observation/" + rest;
  MAGMA_CHECK(name[0] == 's', "recipe: '{}' is not a feature", name);
  return "steps/" + rest;
}

void parse_columns(std::string_view text, Recipe::Term& term) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    term.begin = integer(text);
    if (*term.begin != -1) term.end = *term.begin + 1;
    return;
  }
  if (colon > 0) term.begin = integer(text.substr(0, colon));
  if (colon + 1 < text.size()) term.end = integer(text.substr(colon + 1));
}

Recipe::Term parse_term(std::string_view text) {
  for (const auto& [name, function] : kFunctions) {
    if (const auto inner = argument(text, name)) {
      Recipe::Term term = parse_term(*inner);
      term.functions.push_back(function);
      return term;
    }
  }
  if (const auto count = argument(text, "zeros")) return {.constant = 0, .constants = integer(*count)};
  if (const auto count = argument(text, "ones")) return {.constant = 1, .constants = integer(*count)};
  Recipe::Term term;
  if (const size_t bracket = text.find('['); bracket != std::string_view::npos) {
    MAGMA_CHECK(text.back() == ']', "recipe: '{}' is not closed", text);
    parse_columns(text.substr(bracket + 1, text.size() - bracket - 2), term);
    text = text.substr(0, bracket);
  }
  if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    term.whole = integer(text.substr(colon + 1));
    text = text.substr(0, colon);
  }
  term.key = full_key(text);
  return term;
}

bool is_euler(const Recipe::Term& term) {
  return std::find(term.functions.begin(), term.functions.end(), Function::Euler) != term.functions.end();
}

std::optional<int64_t> columns_made(const Recipe::Term& term) {
  if (term.key.empty()) return term.constants;
  if (is_euler(term)) return kAngles;
  if (term.whole) {
    const auto taken = columns_taken(term, *term.whole);
    MAGMA_CHECK(taken, "recipe: {} has {} columns", term.key, *term.whole);
    return taken->second - taken->first;
  }
  if (!term.begin && !term.end) return std::nullopt;
  const int64_t begin = term.begin.value_or(0), end = term.end.value_or(0);
  const bool known = (begin >= 0) == (end > 0);  // both counted from the same side
  return known ? std::optional(end - begin) : std::nullopt;
}

Columns to_euler(const std::string& key, const Columns& quaternions) {
  if (quaternions.width != kQuaternion) {
    throw feature_error(key, {.what = "not a quaternion", .expected = "4", .got = std::to_string(quaternions.width)});
  }
  Columns angles{.rows = quaternions.rows, .width = kAngles, .values = {}};
  for (int64_t row = 0; row < quaternions.rows; ++row) {
    const auto q = quaternions.row(row);
    const std::array<float, 3> turned = euler_angles({q[0], q[1], q[2], q[3]});
    angles.values.insert(angles.values.end(), turned.begin(), turned.end());
  }
  return angles;
}

void apply(Function function, const std::string& key, Columns& columns) {
  const bool over_time = function == Function::Binarize || function == Function::Absolute;
  MAGMA_CHECK(!over_time || columns.width == 1, "recipe: {} is not one column", key);
  switch (function) {
    case Function::Invert:
      return invert(columns.values);
    case Function::Clip:
      return clip_to_unit(columns.values);
    case Function::Binarize:
      return binarize_gripper(columns.values);
    case Function::Absolute:
      return absolute_gripper(columns.values);
    case Function::Euler:
      columns = to_euler(key, columns);
  }
}

Columns evaluate_term(const Recipe::Term& term, StepColumns& steps, int64_t first) {
  const int64_t rows = steps.steps() - first;
  if (term.key.empty()) {
    const auto count = static_cast<size_t>(rows * term.constants);
    return {.rows = rows, .width = term.constants, .values = std::vector<float>(count, term.constant)};
  }
  Columns columns = stored_columns(term, steps, first);
  for (const Function function : term.functions) apply(function, term.key, columns);
  return columns;
}

}  // namespace

Recipe::Recipe(std::string_view text) {
  while (!text.empty()) {
    const size_t space = std::min(text.find(' '), text.size());
    terms_.push_back(parse_term(text.substr(0, space)));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
}

std::optional<int64_t> Recipe::width() const {
  int64_t sum = 0;
  for (const Term& term : terms_) {
    const auto columns = columns_made(term);
    if (!columns) return std::nullopt;
    sum += *columns;
  }
  return sum;
}

Columns Recipe::evaluate(StepColumns& steps, int64_t first) const {
  std::vector<Columns> parts;
  Columns result{.rows = std::max<int64_t>(steps.steps() - first, 0), .width = 0, .values = {}};
  for (const Term& term : terms_) {
    parts.push_back(evaluate_term(term, steps, std::min(first, steps.steps())));
    result.width = checked_add(result.width, parts.back().width, "columns");
  }
  result.values.reserve(static_cast<size_t>(checked_multiply(result.rows, result.width, "columns")));
  for (int64_t row = 0; row < result.rows; ++row) {
    for (const Columns& part : parts) {
      const auto values = part.row(row);
      result.values.insert(result.values.end(), values.begin(), values.end());
    }
  }
  return result;
}

Columns stored_columns(const Recipe::Term& term, StepColumns& steps, int64_t first) {
  const Columns& feature = steps.get(term.key);
  if (term.whole && feature.width != *term.whole) {
    throw feature_error(term.key, {.what = "wrong number of columns",
                                   .expected = std::to_string(*term.whole),
                                   .got = std::to_string(feature.width)});
  }
  const auto taken = columns_taken(term, feature.width);
  if (!taken) {
    const int64_t least = std::max({term.end.value_or(0), -term.begin.value_or(0), term.begin.value_or(0) + 1});
    throw feature_error(term.key, {.what = "too few columns",
                                   .expected = fmt::format("{} or more", least),
                                   .got = std::to_string(feature.width)});
  }
  Columns result{.rows = feature.rows - first, .width = taken->second - taken->first, .values = {}};
  result.values.reserve(static_cast<size_t>(result.rows * result.width));
  for (int64_t row = first; row < feature.rows; ++row) {
    const auto values = feature.row(row).subspan(static_cast<size_t>(taken->first), static_cast<size_t>(result.width));
    require_finite(values, term.key, row);
    result.values.insert(result.values.end(), values.begin(), values.end());
  }
  return result;
}

std::optional<std::pair<int64_t, int64_t>> columns_taken(const Recipe::Term& term, int64_t width) {
  const int64_t begin = term.begin.value_or(0) + (term.begin.value_or(0) < 0 ? width : 0);
  const int64_t end = term.end.value_or(width) + (term.end.value_or(width) < 0 ? width : 0);
  const bool all_there = begin >= 0 && begin <= end && end <= width && (begin < end || width == 0);
  return all_there ? std::optional(std::pair(begin, end)) : std::nullopt;
}

}  // namespace magma
