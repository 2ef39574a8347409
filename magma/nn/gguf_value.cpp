#include "magma/nn/gguf_value.h"

#include <array>
#include <cstring>

#include <fmt/core.h>

#include "magma/core/check.h"

namespace magma {
namespace {

struct TypeFacts {
  std::string_view name;
  int64_t bytes;
};
constexpr std::array<TypeFacts, 13> kTypes = {{{"uint8", 1},
                                               {"int8", 1},
                                               {"uint16", 2},
                                               {"int16", 2},
                                               {"uint32", 4},
                                               {"int32", 4},
                                               {"float32", 4},
                                               {"bool", 1},
                                               {"string", 0},
                                               {"array", 0},
                                               {"uint64", 8},
                                               {"int64", 8},
                                               {"float64", 8}}};

template <typename T>
T element(const GgufValue& value, int64_t i) {
  MAGMA_CHECK(i >= 0 && i < value.count, "element {} of {}", i, value.count);
  T result;
  std::memcpy(&result, value.bytes.data() + static_cast<size_t>(i) * sizeof(T), sizeof(T));
  return result;
}

std::string kind_of(const GgufValue& value) {
  const std::string_view name = gguf_value_type_name(value.type);
  return value.is_array ? fmt::format("array of {}", name) : std::string(name);
}

}  // namespace

std::string_view gguf_value_type_name(GgufValueType type) { return kTypes.at(static_cast<size_t>(type)).name; }
int64_t gguf_value_bytes(GgufValueType type) { return kTypes.at(static_cast<size_t>(type)).bytes; }

bool GgufValue::is_integer() const {
  return gguf_value_bytes(type) > 0 && type != GgufValueType::F32 && type != GgufValueType::F64 &&
         type != GgufValueType::Bool;
}

std::optional<int64_t> GgufValue::integer(int64_t i) const {
  switch (type) {
    case GgufValueType::U8:
      return element<uint8_t>(*this, i);
    case GgufValueType::I8:
      return element<int8_t>(*this, i);
    case GgufValueType::U16:
      return element<uint16_t>(*this, i);
    case GgufValueType::I16:
      return element<int16_t>(*this, i);
    case GgufValueType::U32:
      return element<uint32_t>(*this, i);
    case GgufValueType::I32:
      return element<int32_t>(*this, i);
    case GgufValueType::I64:
      return element<int64_t>(*this, i);
    default: {
      MAGMA_CHECK(type == GgufValueType::U64, "{} is no integer", kind_of(*this));
      const auto unsigned_value = element<uint64_t>(*this, i);
      if (unsigned_value > uint64_t{INT64_MAX}) return std::nullopt;
      return static_cast<int64_t>(unsigned_value);
    }
  }
}

double GgufValue::number(int64_t i) const {
  if (type == GgufValueType::F32) return static_cast<double>(element<float>(*this, i));
  if (type == GgufValueType::F64) return element<double>(*this, i);
  if (type == GgufValueType::U64) return static_cast<double>(element<uint64_t>(*this, i));
  return static_cast<double>(*integer(i));
}

bool GgufValue::boolean(int64_t i) const {
  MAGMA_CHECK(type == GgufValueType::Bool, "{} is no bool", kind_of(*this));
  return element<char>(*this, i) != 0;
}

std::string_view GgufValue::text(int64_t i) const {
  MAGMA_CHECK(type == GgufValueType::String && i >= 0 && i < count, "no text {} in {}", i, kind_of(*this));
  const auto place = static_cast<size_t>(i);
  const uint64_t begin = place == 0 ? 0 : ends[place - 1];
  return std::string_view(bytes).substr(begin, ends[place] - begin);
}

GgufMetadata::GgufMetadata(std::map<std::string, GgufValue> values, std::string file)
    : values_(std::move(values)), file_(std::move(file)) {}

void GgufMetadata::fail(const std::string& key, ErrorCode code, std::string what, std::string expected,
                        std::string got) const {
  throw Error(code, {.file = file_,
                     .where = "metadata " + key,
                     .what = std::move(what),
                     .expected = std::move(expected),
                     .got = std::move(got)});
}

const GgufValue& GgufMetadata::value(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) fail(key, ErrorCode::Malformed, "missing");
  return found->second;
}

std::string GgufMetadata::text(const std::string& key) const {
  const GgufValue& found = value(key);
  if (found.is_array || found.type != GgufValueType::String) {
    fail(key, ErrorCode::Malformed, "value of another type than needed", "string", kind_of(found));
  }
  return std::string(found.text());
}

int64_t GgufMetadata::integer(const std::string& key) const {
  const GgufValue& found = value(key);
  if (found.is_array || !found.is_integer()) {
    fail(key, ErrorCode::Malformed, "value of another type than needed", "an integer", kind_of(found));
  }
  const std::optional<int64_t> number = found.integer();
  if (!number) fail(key, ErrorCode::Malformed, "number does not fit 64 bits with a sign");
  return *number;
}

double GgufMetadata::number(const std::string& key) const {
  const GgufValue& found = value(key);
  if (found.is_array || !found.is_number()) {
    fail(key, ErrorCode::Malformed, "value of another type than needed", "a number", kind_of(found));
  }
  return found.number();
}

std::optional<std::string> GgufMetadata::optional_text(const std::string& key) const {
  return has(key) ? std::optional(text(key)) : std::nullopt;
}

std::optional<int64_t> GgufMetadata::optional_integer(const std::string& key) const {
  return has(key) ? std::optional(integer(key)) : std::nullopt;
}

std::optional<double> GgufMetadata::optional_number(const std::string& key) const {
  return has(key) ? std::optional(number(key)) : std::nullopt;
}

std::optional<bool> GgufMetadata::optional_boolean(const std::string& key) const {
  if (!has(key)) return std::nullopt;
  const GgufValue& found = value(key);
  if (found.is_array || found.type != GgufValueType::Bool) {
    fail(key, ErrorCode::Malformed, "value of another type than needed", "bool", kind_of(found));
  }
  return found.boolean();
}

std::vector<std::string> GgufMetadata::texts(const std::string& key) const {
  std::vector<std::string> result;
  if (!has(key)) return result;
  const GgufValue& found = value(key);
  if (!found.is_array || found.type != GgufValueType::String) {
    fail(key, ErrorCode::Malformed, "value of another type than needed", "array of string", kind_of(found));
  }
  result.reserve(static_cast<size_t>(found.count));
  for (int64_t i = 0; i < found.count; ++i) result.emplace_back(found.text(i));
  return result;
}

std::vector<int64_t> GgufMetadata::integers(const std::string& key) const {
  std::vector<int64_t> result;
  if (!has(key)) return result;
  const GgufValue& found = value(key);
  if (!found.is_array || !found.is_integer()) {
    fail(key, ErrorCode::Malformed, "value of another type than needed", "array of integers", kind_of(found));
  }
  result.reserve(static_cast<size_t>(found.count));
  for (int64_t i = 0; i < found.count; ++i) {
    const std::optional<int64_t> number = found.integer(i);
    if (!number) fail(key, ErrorCode::Malformed, "number does not fit 64 bits with a sign");
    result.push_back(*number);
  }
  return result;
}

std::vector<float> GgufMetadata::numbers(const std::string& key) const {
  std::vector<float> result;
  if (!has(key)) return result;
  const GgufValue& found = value(key);
  if (!found.is_array || !found.is_number()) {
    fail(key, ErrorCode::Malformed, "value of another type than needed", "array of numbers", kind_of(found));
  }
  result.reserve(static_cast<size_t>(found.count));
  for (int64_t i = 0; i < found.count; ++i) result.push_back(static_cast<float>(found.number(i)));
  return result;
}

}  // namespace magma
