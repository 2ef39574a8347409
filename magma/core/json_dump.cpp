#include <charconv>
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/json.h"
#include "magma/core/utf8.h"

namespace magma {
namespace {

void append_escaped(std::string& out, unsigned char byte) {
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (byte < 0x20) {
    out += fmt::format("\\u{:04x}", byte);
  } else {
    out += static_cast<char>(byte);
  }
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_character(text, i).length;
    if (length == 1) append_escaped(out, static_cast<unsigned char>(text[i]));
    if (length > 1) out += text.substr(i, length);
    if (length == 0) out += "\xEF\xBF\xBD";
    i += std::max<size_t>(length, 1);
  }
  out += '"';
}

void append_float(std::string& out, double value, int digits) {
  MAGMA_CHECK(std::isfinite(value), "{} cannot be written as JSON", value);
  char buffer[64];
  const double written = value == 0 ? 0 : value;  // -0.0 as 0.0
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, written, std::chars_format::general, digits);
  const std::string_view text(buffer, static_cast<size_t>(result.ptr - buffer));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_value(std::string& out, const Json& value, int digits) {
  const char* separator = "";
  switch (value.type()) {
    case Json::value_t::object:
      out += '{';
      for (const auto& [key, member] : value.items()) {
        out += std::exchange(separator, ",");
        append_string(out, key);
        out += ':';
        append_value(out, member, digits);
      }
      out += '}';
      return;
    case Json::value_t::array:
      out += '[';
      for (const Json& element : value) {
        out += std::exchange(separator, ",");
        append_value(out, element, digits);
      }
      out += ']';
      return;
    case Json::value_t::string:
      return append_string(out, value.get_ref<const std::string&>());
    case Json::value_t::number_float:
      return append_float(out, value.get<double>(), digits);
    default:
      out += value.dump();  // integers, booleans, null: one way to write them
  }
}

}  // namespace

std::string dump_json(const Json& value, int digits) {
  std::string out;
  append_value(out, value, digits);
  return out;
}

}  // namespace magma
