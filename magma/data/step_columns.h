// StepColumns: the features of one episode as columns of float, by name. What the recipes of openx_layouts.h are made
// of.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "magma/core/error.h"
#include "magma/data/stored_value.h"

namespace magma {

struct Columns {  // [rows, width], row-major
  int64_t rows = 0, width = 0;
  std::vector<float> values{};
  std::span<const float> row(int64_t index) const {
    return std::span(values).subspan(static_cast<size_t>(index * width), static_cast<size_t>(width));
  }
};

class StepColumns {
 public:
  using Source = std::function<StoredValue(std::string_view key)>;

  StepColumns(int64_t steps, Source source) : steps_(steps), source_(std::move(source)) {}
  int64_t steps() const { return steps_; }
  // Numbers of any type as float; [T] is one column. Converted once. Error(Malformed) naming the feature for text,
  // sequences and more than one dimension a step.
  const Columns& get(const std::string& key);

 private:
  int64_t steps_;
  Source source_;
  std::map<std::string, Columns> converted_;
};

// Error(Malformed) naming feature and step, before a NaN hides behind a comparison.
void require_finite(std::span<const float> values, std::string_view key, int64_t step);
Error feature_error(std::string_view key, ErrorFields fields);  // Malformed; `where` becomes "feature KEY, WHERE"

}  // namespace magma
