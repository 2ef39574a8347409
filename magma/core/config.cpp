#include "magma/core/config.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/config_value.h"
#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/text_distance.h"

namespace magma {
namespace {

// A JSON number's spelling: no octal, no hexadecimal, no underscores, no infinity.
bool is_decimal(std::string_view text, bool fraction_allowed) {
  const size_t first = text.starts_with('-') ? 1 : 0;
  if (text.size() == first || text[first] < '0' || text[first] > '9') return false;
  const bool more_digits = text.size() > first + 1 && text[first + 1] >= '0' && text[first + 1] <= '9';
  if (text[first] == '0' && more_digits) return false;
  const char* allowed = fraction_allowed ? "0123456789.eE+-" : "0123456789";
  return text.find_first_not_of(allowed, first) == std::string_view::npos;
}

template <typename Number>
bool read_number(std::string_view text, Number& value) {
  if (!is_decimal(text, std::is_floating_point_v<Number>)) return false;
  Number parsed{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return false;
  value = parsed;
  return true;
}

struct Assigner {
  std::string_view text;
  bool quoted;  // a quoted text is a text, whatever it looks like

  const char* operator()(bool* value) const {
    if (quoted || (text != "true" && text != "false")) return "true or false";
    *value = text == "true";
    return nullptr;
  }
  const char* operator()(int* value) const { return !quoted && read_number(text, *value) ? nullptr : "an integer"; }
  const char* operator()(int64_t* value) const { return !quoted && read_number(text, *value) ? nullptr : "an integer"; }
  const char* operator()(double* value) const { return !quoted && read_number(text, *value) ? nullptr : "a number"; }
  const char* operator()(std::string* value) const {
    *value = text;
    return nullptr;
  }
  const char* operator()(ConfigTexts* value) const {
    *value = {std::string(text)};
    return nullptr;
  }
  const char* operator()(ConfigNumbers*) const { return "numbers by name"; }
};

// The shortest text that reads back as the same number.
std::string shortest(double value) {
  constexpr int kExactDigits = 17;
  for (int digits = 1; digits < kExactDigits; ++digits) {
    const std::string text = dump_json(value, digits);
    double back = 0;
    std::from_chars(text.data(), text.data() + text.size(), back);
    if (back == value) return text;
  }
  return dump_json(value, kExactDigits);
}

// "mixture.bridge_orig" of "mixture".
bool is_entry(const ConfigField& field, const std::string& name) {
  return std::holds_alternative<ConfigNumbers*>(field.value) && name.starts_with(field.name + ".") &&
         name.size() > field.name.size() + 1;
}

template <typename Value>
Value* find(const ConfigView& view, const std::string& name) {
  for (const ConfigField& field : view) {
    const auto* value = std::get_if<Value*>(&field.value);
    if (field.name == name && value != nullptr) return *value;
  }
  return nullptr;
}

std::string yaml_value(const ConfigField& field) {
  if (const auto* number = std::get_if<double*>(&field.value)) return shortest(**number);
  return std::visit([](const auto* value) { return dump_json(*value); }, field.value);
}

}  // namespace

ConfigTexts* find_texts(const ConfigView& view, const std::string& name) { return find<ConfigTexts>(view, name); }
ConfigNumbers* find_numbers(const ConfigView& view, const std::string& name) { return find<ConfigNumbers>(view, name); }

void require_known(const ConfigView& view, const std::string& name) {
  std::vector<std::string> known;
  for (const ConfigField& field : view) {
    if (field.name == name || is_entry(field, name)) return;
    known.push_back(field.name);
  }
  const std::string near = nearest_word(name, known);
  throw Error(ErrorCode::Usage,
              {.where = name, .what = "unknown setting", .hint = near.empty() ? "" : "did you mean " + near});
}

void assign(const ConfigView& view, const std::string& name, const ConfigValue& value) {
  require_known(view, name);
  const Assigner assigner{value.text, value.quoted};
  for (const ConfigField& field : view) {
    const bool entry = is_entry(field, name);
    if (!entry && field.name != name) continue;
    const char* expected = entry
                               ? assigner(&(*std::get<ConfigNumbers*>(field.value))[name.substr(field.name.size() + 1)])
                               : std::visit(assigner, field.value);
    if (expected == nullptr) return;
    throw Error(ErrorCode::Usage, {.where = name, .what = "wrong value", .expected = expected, .got = value.text});
  }
}

void set(const ConfigView& view, std::string_view assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw Error(ErrorCode::Usage,
                {.what = "not an assignment", .expected = "NAME=VALUE", .got = std::string(assignment)});
  }
  const std::string name(assignment.substr(0, equals)), value(assignment.substr(equals + 1));
  if (!value.starts_with('[') && !value.starts_with('{')) return assign(view, name, {.text = value});
  std::string yaml = value;
  for (size_t end = name.size(), dot = 0; end != std::string::npos; end = dot) {
    dot = end == 0 ? std::string::npos : name.rfind('.', end - 1);
    const size_t begin = dot == std::string::npos ? 0 : dot + 1;
    yaml = "{" + name.substr(begin, end - begin) + ": " + yaml + "}";
  }
  load_yaml_text(view, yaml, "--set");
}

nlohmann::json to_json(const ConfigView& view) {
  Json result = Json::object();
  for (const ConfigField& field : view) {
    Json* target = &result;
    size_t begin = 0;
    for (size_t dot = field.name.find('.'); dot != std::string::npos; dot = field.name.find('.', begin)) {
      target = &(*target)[field.name.substr(begin, dot - begin)];
      begin = dot + 1;
    }
    std::visit([&](const auto* value) { (*target)[field.name.substr(begin)] = *value; }, field.value);
  }
  return result;
}

std::string to_yaml(const ConfigView& view) {
  std::string out;
  std::string open;  // the group that the last line was in: "camera."
  for (const ConfigField& field : view) {
    const size_t dot = field.name.rfind('.');
    const std::string group = dot == std::string::npos ? "" : field.name.substr(0, dot + 1);
    const auto depth = static_cast<size_t>(std::count(group.begin(), group.end(), '.'));
    size_t same = 0;  // length of the groups that are open already
    for (size_t i = 0; i < std::min(open.size(), group.size()) && open[i] == group[i]; ++i) {
      if (group[i] == '.') same = i + 1;
    }
    for (size_t begin = same; begin < group.size();) {
      const size_t end = group.find('.', begin);
      const auto level = static_cast<size_t>(std::count(group.begin(), group.begin() + static_cast<long>(begin), '.'));
      out += std::string(2 * level, ' ') + group.substr(begin, end - begin) + ":\n";
      begin = end + 1;
    }
    open = group;
    const std::string indent(2 * depth, ' ');
    out += fmt::format("{}# {}\n{}{}: {}\n", indent, field.help, indent, field.name.substr(group.size()),
                       yaml_value(field));
  }
  return out;
}

}  // namespace magma
