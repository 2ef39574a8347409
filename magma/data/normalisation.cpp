#include "magma/data/normalisation.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/action/action_statistics.h"
#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/data/stored_value.h"

namespace magma {
namespace {

// numpy's linear interpolation; reorders `values`.
double quantile(std::vector<float>& values, double share) {
  const double position = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(position);
  const double part = position - static_cast<double>(below);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), at, values.end());
  const double low = *at;
  if (at + 1 == values.end()) return low;
  const double high = *std::min_element(at + 1, values.end());
  return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part);
}

struct StatisticsField {
  const char* name;
  std::vector<double> ColumnStatistics::*values;
};
constexpr std::array<StatisticsField, 6> kFields = {{{"mean", &ColumnStatistics::mean},
                                                     {"std", &ColumnStatistics::std},
                                                     {"max", &ColumnStatistics::max},
                                                     {"min", &ColumnStatistics::min},
                                                     {"q01", &ColumnStatistics::q01},
                                                     {"q99", &ColumnStatistics::q99}}};

void append_columns(std::string& out, const ColumnStatistics& columns, bool with_mask) {
  const char* separator = "{";
  for (const StatisticsField& field : kFields) {
    fmt::format_to(std::back_inserter(out), "{}\"{}\":[", separator, field.name);
    separator = ",";
    const std::vector<double>& values = columns.*field.values;
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out += ',';
      append_json_number(out, values[i]);
    }
    out += ']';
  }
  if (with_mask) {
    out += R"(,"mask":[)";
    for (size_t i = 0; i < kActionNumbers; ++i) {
      fmt::format_to(std::back_inserter(out), "{}{}", i > 0 ? "," : "", kAllButGripper[i]);
    }
    out += ']';
  }
  out += '}';
}

ColumnStatistics parse_columns(const JsonObject& object, const std::string& file, const std::string& where) {
  object.refuse_unknown({"mean", "std", "max", "min", "q01", "q99", "mask"});
  ColumnStatistics columns;
  for (const StatisticsField& field : kFields) {
    for (const Json& value : object.array(field.name)) {
      const bool finite = value.is_number() && std::isfinite(value.get<double>());
      if (!finite) {
        throw Error(ErrorCode::Malformed,
                    {.file = file, .where = where + "/" + field.name, .what = "not finite numbers"});
      }
      (columns.*field.values).push_back(value.get<double>());
    }
    if ((columns.*field.values).size() != columns.mean.size()) {
      throw Error(ErrorCode::Malformed, {.file = file,
                                         .where = where + "/" + field.name,
                                         .what = "wrong number of entries",
                                         .expected = std::to_string(columns.mean.size()),
                                         .got = std::to_string((columns.*field.values).size())});
    }
  }
  return columns;
}

}  // namespace

ColumnStatistics column_statistics(const Columns& columns) {
  MAGMA_CHECK(columns.rows > 0, "statistics of nothing");
  ColumnStatistics result;
  std::vector<float> column(static_cast<size_t>(columns.rows));
  const auto count = static_cast<double>(columns.rows);
  for (int64_t i = 0; i < columns.width; ++i) {
    double sum = 0, squares = 0;
    for (int64_t row = 0; row < columns.rows; ++row) {
      column[static_cast<size_t>(row)] = columns.values[static_cast<size_t>(row * columns.width + i)];
      sum += column[static_cast<size_t>(row)];
    }
    const double mean = sum / count;
    for (const float value : column) squares += (value - mean) * (value - mean);
    const auto [least, most] = std::minmax_element(column.begin(), column.end());
    result.mean.push_back(mean);
    result.std.push_back(std::sqrt(squares / count));
    result.max.push_back(*most);
    result.min.push_back(*least);
    result.q01.push_back(quantile(column, 0.01));
    result.q99.push_back(quantile(column, 0.99));
  }
  return result;
}

void append_json(std::string& out, const OpenxStatistics& statistics) {
  out += R"({"action":)";
  append_columns(out, statistics.action, true);
  out += R"(,"proprio":)";
  append_columns(out, statistics.proprio, false);
  fmt::format_to(std::back_inserter(out), R"(,"num_transitions":{},"num_trajectories":{}}})", statistics.transitions,
                 statistics.trajectories);
}

OpenxStatistics parse_openx_statistics(const Json& value, const std::string& file, const std::string& where) {
  const JsonObject object(value, file, where);
  object.refuse_unknown({"action", "proprio", "num_transitions", "num_trajectories"});
  OpenxStatistics statistics;
  statistics.action = parse_columns(object.object("action"), file, where + "/action");
  statistics.proprio = parse_columns(object.object("proprio"), file, where + "/proprio");
  statistics.transitions = object.integer("num_transitions");
  statistics.trajectories = object.integer("num_trajectories");
  if (statistics.action.mean.size() != kActionNumbers) {
    throw Error(ErrorCode::Malformed, {.file = file,
                                       .where = where + "/action/mean",
                                       .what = "wrong number of entries",
                                       .expected = std::to_string(kActionNumbers),
                                       .got = std::to_string(statistics.action.mean.size())});
  }
  return statistics;
}

Normalisation parse_normalisation(const std::string& name) {
  if (name == "normal") return Normalisation::Normal;
  if (name == "bounds") return Normalisation::Bounds;
  if (name == "bounds_q99") return Normalisation::BoundsQ99;
  throw Error(ErrorCode::Usage, {.where = "data.normalisation",
                                 .what = "unknown normalisation",
                                 .expected = "bounds_q99, bounds or normal",
                                 .got = name});
}

ActionNormaliser::ActionNormaliser(const ColumnStatistics& action, Normalisation kind) : kind_(kind) {
  MAGMA_CHECK(action.mean.size() == kActionNumbers, "statistics of {} numbers", action.mean.size());
  for (size_t i = 0; i < kActionNumbers; ++i) {
    switch (kind) {
      case Normalisation::Normal:
        low_[i] = action.mean[i];
        high_[i] = action.std[i];
        break;
      case Normalisation::Bounds:
        low_[i] = action.min[i];
        high_[i] = action.max[i];
        break;
      case Normalisation::BoundsQ99:
        low_[i] = action.q01[i];
        high_[i] = action.q99[i];
    }
    constant_[i] = kind != Normalisation::Normal && action.min[i] == action.max[i];
  }
}

void ActionNormaliser::apply(std::span<const float> action, std::span<float> normalised) const {
  for (size_t i = 0; i < kActionNumbers; ++i) {
    float value = action[i];
    if (kAllButGripper[i]) {
      value = kind_ == Normalisation::Normal
                  ? (value - static_cast<float>(low_[i])) / static_cast<float>(high_[i] + 1e-8)
                  : to_unit_range(value, low_[i], high_[i]);
    }
    normalised[i] = constant_[i] ? 0 : value;
  }
}

}  // namespace magma
