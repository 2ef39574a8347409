// Reads fields that may stand in a nested object or, copied, at the top level; the nested one wins. With ranges.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "magma/core/json.h"

namespace magma {

struct ConfigSource {
  JsonObject object;
  std::string pointer;  // "/text_config"
};

class ConfigFields {
 public:
  ConfigFields(std::vector<ConfigSource> sources, std::string file)
      : sources_(std::move(sources)), file_(std::move(file)) {}

  bool has(std::string_view key) const { return find(key) != nullptr; }  // null counts as absent
  std::string pointer(std::string_view key) const;                       // where it stands, or would
  // Without a fallback the field must be there.
  int64_t integer(std::string_view key, int64_t min, int64_t max, std::optional<int64_t> fallback = {}) const;
  double number(std::string_view key, double min, double max, std::optional<double> fallback = {}) const;
  bool boolean(std::string_view key, bool fallback) const;
  std::string string(std::string_view key, const std::string& fallback) const;
  std::vector<double> numbers(std::string_view key, double min, double max, size_t count) const;
  std::optional<ConfigFields> object(std::string_view key) const;

  [[noreturn]] void fail(std::string_view key, std::string what, std::string expected = "", std::string got = "") const;
  [[noreturn]] void refuse(std::string_view key, std::string what, std::string expected, std::string got) const;

 private:
  const ConfigSource* find(std::string_view key) const;
  std::vector<ConfigSource> sources_;
  std::string file_;
};

}  // namespace magma
