// JSON in: depth <= 64, exact integers, duplicate keys and invalid UTF-8 refused. JSON out: sorted keys, fixed floats.
#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/error.h"
#include "magma/core/file.h"

namespace magma {

using Json = nlohmann::json;

struct JsonLimits {
  int64_t depth;
  int64_t values;
  ErrorCode too_deep = ErrorCode::Refused;
  bool rounds_large_integers = false;  // to floating point, beyond 64 bits; otherwise they are refused
};

// Where a piece of text starts in its file, for errors.
struct JsonOrigin {
  std::string file{};
  int64_t line = 1;
  int64_t byte = 0;
  int64_t column = 1;
};

// Throws Error(Malformed) with line:column and byte, Error(Refused) for a limit. `file` names the source in errors.
Json parse_json(std::string_view text, const std::string& file);
Json parse_json(std::string_view text, const JsonOrigin& origin, const JsonLimits& most);
Json read_json(const Path& path);
// Of a file of Hugging Face, whose "no limit" is an integer of 31 digits.
Json read_json_with_large_integers(const Path& path);

// Compact, keys sorted, no NaN or Inf (Bug), UTF-8 kept, a byte that is not UTF-8 written as U+FFFD. Floats: at most
// `digits` significant digits, trailing zeros dropped, ".0" where nothing else tells a float from an integer, no -0.0.
std::string dump_json(const Json& value, int digits = 9);

// Typed look-ups. A missing or mistyped member is Error(Malformed) with its JSON pointer as `where`.
class JsonObject {
 public:
  // `where` is the pointer (or line and pointer) of `value`, which must outlive this view.
  JsonObject(const Json& value, std::string file, std::string where = "");
  bool has(std::string_view key) const;
  std::string string(std::string_view key) const;
  int64_t integer(std::string_view key) const;
  double number(std::string_view key) const;
  bool boolean(std::string_view key) const;
  JsonObject object(std::string_view key) const;
  const Json& array(std::string_view key) const;
  std::optional<std::string> optional_string(std::string_view key) const;  // absent or null -> nullopt
  std::optional<double> optional_number(std::string_view key) const;
  std::optional<int64_t> optional_integer(std::string_view key) const;
  // Error(Malformed) for the first key that is not in `known`, with the nearest known one as hint.
  void refuse_unknown(std::initializer_list<std::string_view> known) const;
  const Json& raw() const { return *value_; }

 private:
  const Json& member(std::string_view key, const char* type) const;
  const Json* value_;
  std::string file_;
  std::string where_;
};

// One JSON value a line: LF or CRLF, blank lines skipped, BOM refused, line <= 16 MiB, last newline optional.
// Errors name file, line and byte.
class JsonLines {
 public:
  explicit JsonLines(const Path& path);
  std::optional<Json> next();
  int64_t line_number() const { return line_; }  // of the value last returned, from 1
  std::string where() const;                     // "line 12"

 private:
  bool read_line(std::string& line);
  Path path_;
  std::ifstream stream_;
  int64_t line_ = 0;
  int64_t line_begin_ = 0, byte_ = 0;
};

}  // namespace magma
