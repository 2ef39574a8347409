// The fixtures of tests/text/fixtures.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "magma/core/json.h"

namespace magma {

inline Path text_fixture(const std::string& name) { return Path(MAGMA_SOURCE_DIR) / "tests/text/fixtures" / name; }

inline std::vector<Json> text_fixture_lines(const std::string& name) {
  JsonLines lines(text_fixture(name));
  std::vector<Json> all;
  while (auto line = lines.next()) all.push_back(std::move(*line));
  return all;
}

}  // namespace magma
