#include "magma/data/stored_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "magma/data/sample_text.h"

namespace magma {
namespace {

constexpr int64_t kDeepest = 1000;
constexpr size_t kLongestText = 300, kLongestList = 70;  // bytes that are shown
constexpr size_t kMostNames = 48;                        // columns; longer ones push what follows

struct Columns {
  size_t indent = 0, names = 0;
};

// At a character of UTF-8, and saying how much there is.
std::string cut(const std::string& text, size_t most, const std::string& amount) {
  if (text.size() <= most) return text;
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;
  return text.substr(0, end) + " ... (" + amount + ")";
}

std::string text_of(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return cut(text, kLongestText, fmt::format("{} bytes", text.size()));
  }
  const std::string json = dump_json(value, std::numeric_limits<float>::max_digits10);
  return value.is_structured() ? cut(json, kLongestList, fmt::format("{} in all", value.size())) : json;
}

std::string picture_text(const Json& picture) {
  if (!picture.contains("width")) return "no picture";
  return fmt::format("{}, {} x {} px, {} bytes", text_of(picture["format"]), text_of(picture["width"]),
                     text_of(picture["height"]), text_of(picture["bytes"]));
}

// {"dtype", "shape", ...}: "float32 [17,7]  [[0.0, ...".
std::string value_text(const Json& value) {
  std::string text = text_of(value["dtype"]) + (value["shape"].empty() ? "" : " " + dump_json(value["shape"]));
  if (value.contains("row_lengths")) text += " rows of " + text_of(value["row_lengths"]);
  if (!value.contains("data")) return text;
  const Json& data = value["data"];
  const bool pictures = value["dtype"] == "image";
  if (data.is_array() && data.empty()) return text;
  if (!data.is_array()) return text + "  " + text_of(data);
  if (pictures || data.size() == 1) text += "  " + (pictures ? picture_text(data[0]) : text_of(data[0]));
  if (pictures && data.size() > 1) text += fmt::format(", and {} more", data.size() - 1);
  return pictures || data.size() == 1 ? text : text + "  " + text_of(data);
}

bool has_objects(const Json& list) {
  return std::any_of(list.begin(), list.end(), [](const Json& member) {
    return member.is_object() || (member.is_array() && has_objects(member));
  });
}

// What stands on one line; empty where it takes several.
std::string one_line(const Json& value) {
  if (value.is_array()) return value.empty() || !has_objects(value) ? text_of(value) : "";
  if (!value.is_object()) return text_of(value);
  if (value.contains("dtype") && value.contains("shape")) return value_text(value);
  if (value.empty()) return "nothing";
  if (value.size() > 1) return "";
  constexpr std::array<std::string_view, 7> kWrapped = {"$tensor", "$ndarray", "$scalar", "int64",
                                                        "float",   "bytes",    "$bytes"};
  const std::string& key = value.begin().key();
  if (std::find(kWrapped.begin(), kWrapped.end(), key) == kWrapped.end()) return "";
  const std::string inside = one_line(value.begin().value());
  return key[0] == '$' && key != "$bytes" ? inside : key.substr(key[0] == '$' ? 1 : 0) + "  " + inside;
}

void append_members(std::string& out, const Json& value, size_t indent);

void append_named(std::string& out, const std::string& name, const Json& value, Columns at) {
  const std::string text = printable(one_line(value));
  const auto write = std::back_inserter(out);
  if (text.empty() && value.is_structured()) {
    fmt::format_to(write, "{:{}}{}\n", "", at.indent, name);
    return append_members(out, value, at.indent + 2);
  }
  fmt::format_to(write, "{:{}}{:<{}}  ", "", at.indent, name, at.names);
  const std::string margin = "\n" + std::string(at.indent + at.names + 2, ' ');
  for (const char c : text) c == '\n' ? out += margin : out += c;
  out += '\n';
}

void append_members(std::string& out, const Json& value, size_t indent) {
  const auto shown = [&](const std::string& key) { return value.is_array() ? "[" + key + "]" : printable(key); };
  Columns at{.indent = indent, .names = 0};
  for (const auto& [key, member] : value.items()) {
    at.names = std::max(at.names, std::min(shown(key).size(), kMostNames));
  }
  for (const auto& [key, member] : value.items()) append_named(out, shown(key), member, at);
}

std::string facts_text(const Json& object, std::string_view left_out) {
  std::string text;
  for (const auto& [key, value] : object.items()) {
    if (key == left_out || value.is_structured()) continue;
    text += (text.empty() ? "" : ", ") + key + " " + text_of(value);
  }
  return text;
}

}  // namespace

void append_stored_text(std::string& out, const std::string& line) {
  const Json record =
      parse_json(line, JsonOrigin{}, {.depth = kDeepest, .values = std::numeric_limits<int64_t>::max()});
  const Json& origin = record["origin"];
  const std::string place = facts_text(origin, "file"), facts = facts_text(record, "value");
  out += printable(text_of(origin["file"]) + (place.empty() ? "" : " " + place) + (facts.empty() ? "" : ": " + facts));
  out += '\n';
  for (const char* part : {"features", "value", "lists"}) {
    if (!record.contains(part)) continue;
    const Json& value = record[part];
    if (value.is_object() && one_line(value).empty()) {
      append_members(out, value, 2);
    } else {
      append_named(out, part, value, {.indent = 2, .names = kMostNames / 4});
    }
  }
}

}  // namespace magma
