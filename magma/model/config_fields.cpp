#include "magma/model/config_fields.h"

#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"

namespace magma {

const ConfigSource* ConfigFields::find(std::string_view key) const {
  for (const ConfigSource& source : sources_) {
    if (source.object.has(key) && !source.object.raw().find(key)->is_null()) return &source;
  }
  return nullptr;
}

std::string ConfigFields::pointer(std::string_view key) const {
  const ConfigSource* source = find(key);
  return (source == nullptr ? sources_.front() : *source).pointer + "/" + std::string(key);
}

void ConfigFields::fail(std::string_view key, std::string what, std::string expected, std::string got) const {
  throw Error(ErrorCode::Malformed, {.file = file_,
                                     .where = pointer(key),
                                     .what = std::move(what),
                                     .expected = std::move(expected),
                                     .got = std::move(got)});
}

void ConfigFields::refuse(std::string_view key, std::string what, std::string expected, std::string got) const {
  throw Error(ErrorCode::Refused, {.file = file_,
                                   .where = pointer(key),
                                   .what = std::move(what),
                                   .expected = std::move(expected),
                                   .got = std::move(got)});
}

int64_t ConfigFields::integer(std::string_view key, int64_t min, int64_t max, std::optional<int64_t> fallback) const {
  const ConfigSource* source = find(key);
  if (source == nullptr && fallback) return *fallback;
  if (source == nullptr) fail(key, "missing", "an integer");
  const int64_t value = source->object.integer(key);
  if (value < min || value > max) {
    fail(key, "number out of range", fmt::format("{} to {}", min, max), std::to_string(value));
  }
  return value;
}

double ConfigFields::number(std::string_view key, double min, double max, std::optional<double> fallback) const {
  const ConfigSource* source = find(key);
  if (source == nullptr && fallback) return *fallback;
  if (source == nullptr) fail(key, "missing", "a number");
  const double value = source->object.number(key);
  if (!(value >= min && value <= max)) {
    fail(key, "number out of range", fmt::format("{} to {}", min, max), fmt::format("{}", value));
  }
  return value;
}

bool ConfigFields::boolean(std::string_view key, bool fallback) const {
  const ConfigSource* source = find(key);
  return source == nullptr ? fallback : source->object.boolean(key);
}

std::string ConfigFields::string(std::string_view key, const std::string& fallback) const {
  const ConfigSource* source = find(key);
  return source == nullptr ? fallback : source->object.string(key);
}

std::vector<double> ConfigFields::numbers(std::string_view key, double min, double max, size_t count) const {
  const ConfigSource* source = find(key);
  if (source == nullptr) fail(key, "missing", "an array");
  const Json& array = source->object.array(key);
  if (array.size() != count) {
    fail(key, "wrong number of entries", std::to_string(count), std::to_string(array.size()));
  }
  std::vector<double> result;
  for (const Json& entry : array) {
    if (!entry.is_number()) fail(key, "wrong type", "numbers");
    result.push_back(entry.get<double>());
    if (!(result.back() >= min && result.back() <= max)) {
      fail(key, "number out of range", fmt::format("{} to {}", min, max), fmt::format("{}", result.back()));
    }
  }
  return result;
}

std::optional<ConfigFields> ConfigFields::object(std::string_view key) const {
  const ConfigSource* source = find(key);
  if (source == nullptr) return std::nullopt;
  return ConfigFields({{source->object.object(key), pointer(key)}}, file_);
}

}  // namespace magma
