// Values of GGUF metadata and typed look-ups by key.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "magma/core/error.h"

namespace magma {

enum class GgufValueType : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };
std::string_view gguf_value_type_name(GgufValueType type);  // "uint32"
int64_t gguf_value_bytes(GgufValueType type);               // of a number or bool; 0 for strings and arrays

// One value or an array of values of one type, packed as in the file: memory follows the file's size, not its claims.
struct GgufValue {
  bool is_array = false;
  GgufValueType type = GgufValueType::U8;  // of each element
  int64_t count = 1;
  std::string bytes;              // numbers little-endian; texts one after the other
  std::vector<uint64_t> ends;     // of each text in `bytes`
  std::vector<GgufValue> arrays;  // where type is Array

  bool is_integer() const;
  bool is_number() const { return is_integer() || type == GgufValueType::F32 || type == GgufValueType::F64; }
  // Element i < count; the type must fit, else Error(Bug). An unsigned number beyond int64 gives nullopt.
  std::optional<int64_t> integer(int64_t i = 0) const;
  double number(int64_t i = 0) const;
  bool boolean(int64_t i = 0) const;
  std::string_view text(int64_t i = 0) const;
};

// A missing key, or a value of another kind than asked for, is Error(Malformed) with the key as place.
class GgufMetadata {
 public:
  GgufMetadata() = default;
  GgufMetadata(std::map<std::string, GgufValue> values, std::string file);
  const std::map<std::string, GgufValue>& values() const { return values_; }
  const std::string& file() const { return file_; }
  bool has(const std::string& key) const { return values_.contains(key); }

  std::string text(const std::string& key) const;
  int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;  // an integer is a number too
  std::optional<std::string> optional_text(const std::string& key) const;
  std::optional<int64_t> optional_integer(const std::string& key) const;
  std::optional<double> optional_number(const std::string& key) const;
  std::optional<bool> optional_boolean(const std::string& key) const;
  // Absent: empty.
  std::vector<std::string> texts(const std::string& key) const;
  std::vector<int64_t> integers(const std::string& key) const;
  std::vector<float> numbers(const std::string& key) const;

  [[noreturn]] void fail(const std::string& key, ErrorCode code, std::string what, std::string expected = "",
                         std::string got = "") const;

 private:
  const GgufValue& value(const std::string& key) const;
  std::map<std::string, GgufValue> values_;
  std::string file_;
};

}  // namespace magma
