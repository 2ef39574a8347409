#include "magma/core/json.h"

#include <limits>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/core/text_distance.h"

namespace magma {
namespace {

std::string pointer(const std::string& where, std::string_view key) {
  std::string result = where + "/";
  for (const char c : key) {
    if (c == '~') result += "~0";
    if (c == '/') result += "~1";
    if (c != '~' && c != '/') result += c;
  }
  return result;
}

std::string type_name(const Json& value) {
  if (value.is_number_float()) return "a fraction";
  if (value.is_number()) return "an integer";
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  return value.is_null() ? "null" : std::string("a ") + value.type_name();
}

bool fits_int64(const Json& value) {
  if (!value.is_number_integer()) return false;
  const auto largest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return !value.is_number_unsigned() || value.get<uint64_t>() <= largest;
}

}  // namespace

JsonObject::JsonObject(const Json& value, std::string file, std::string where)
    : value_(&value), file_(std::move(file)), where_(std::move(where)) {
  if (value.is_object()) return;
  throw Error(ErrorCode::Malformed,
              {.file = file_, .where = where_, .what = "wrong type", .expected = "an object", .got = type_name(value)});
}

bool JsonObject::has(std::string_view key) const { return value_->contains(key); }

const Json& JsonObject::member(std::string_view key, const char* type) const {
  const auto found = value_->find(key);
  if (found == value_->end()) {
    throw Error(ErrorCode::Malformed,
                {.file = file_, .where = pointer(where_, key), .what = "missing", .expected = type});
  }
  const std::string_view wanted = type;
  const bool right = (wanted == "a string" && found->is_string()) || (wanted == "an integer" && fits_int64(*found)) ||
                     (wanted == "a number" && found->is_number()) || (wanted == "a boolean" && found->is_boolean()) ||
                     (wanted == "an object" && found->is_object()) || (wanted == "an array" && found->is_array());
  if (right) return *found;
  throw Error(
      ErrorCode::Malformed,
      {.file = file_, .where = pointer(where_, key), .what = "wrong type", .expected = type, .got = type_name(*found)});
}

std::string JsonObject::string(std::string_view key) const { return member(key, "a string").get<std::string>(); }
int64_t JsonObject::integer(std::string_view key) const { return member(key, "an integer").get<int64_t>(); }
double JsonObject::number(std::string_view key) const { return member(key, "a number").get<double>(); }
bool JsonObject::boolean(std::string_view key) const { return member(key, "a boolean").get<bool>(); }
const Json& JsonObject::array(std::string_view key) const { return member(key, "an array"); }
JsonObject JsonObject::object(std::string_view key) const {
  return {member(key, "an object"), file_, pointer(where_, key)};
}

std::optional<std::string> JsonObject::optional_string(std::string_view key) const {
  if (!has(key) || value_->find(key)->is_null()) return std::nullopt;
  return string(key);
}

std::optional<double> JsonObject::optional_number(std::string_view key) const {
  if (!has(key) || value_->find(key)->is_null()) return std::nullopt;
  return number(key);
}

std::optional<int64_t> JsonObject::optional_integer(std::string_view key) const {
  if (!has(key) || value_->find(key)->is_null()) return std::nullopt;
  return integer(key);
}

void JsonObject::refuse_unknown(std::initializer_list<std::string_view> known) const {
  for (const auto& [key, value] : value_->items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string near = nearest_word(key, {known.begin(), known.end()});
    throw Error(ErrorCode::Malformed, {.file = file_,
                                       .where = pointer(where_, key),
                                       .what = "unknown key",
                                       .hint = near.empty() ? "" : "did you mean " + near});
  }
}

JsonLines::JsonLines(const Path& path) : path_(path) {
  require_readable_file(path);  // a stream opens folders without complaint
  stream_.open(path, std::ios::binary);
  if (!stream_) throw system_error("open", path.string(), errno);
}

bool JsonLines::read_line(std::string& line) {
  line.clear();
  line_begin_ = byte_;
  std::streambuf& bytes = *stream_.rdbuf();
  while (true) {
    const int c = bytes.sbumpc();
    if (c == std::char_traits<char>::eof()) break;
    ++byte_;
    if (c == '\n') break;
    line += static_cast<char>(c);
    if (static_cast<int64_t>(line.size()) <= limits().json_line_bytes) continue;
    throw Error(ErrorCode::Refused, {.file = path_.string(),
                                     .where = fmt::format("line {} (byte {})", line_ + 1, line_begin_),
                                     .what = "line too long",
                                     .expected = fmt::format("at most {} bytes", limits().json_line_bytes)});
  }
  if (byte_ == line_begin_) return false;
  ++line_;
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

std::optional<Json> JsonLines::next() {
  std::string line;
  while (read_line(line)) {
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    return parse_json(line, {.file = path_.string(), .line = line_, .byte = line_begin_},
                      {.depth = limits().json_depth, .values = limits().json_values});
  }
  return std::nullopt;
}

std::string JsonLines::where() const { return fmt::format("line {}", line_); }

}  // namespace magma
