// Statistics of a data set's actions, by which normalised actions become metres and radians and back.
// dataset_statistics.json of a model folder. Source: data_formats.md 2.7, 2.8, 3.3; model.md 6.6.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "magma/action/robot_action.h"
#include "magma/core/file.h"
#include "magma/core/json.h"

namespace magma {

inline constexpr std::array<bool, kActionNumbers> kAllButGripper = {true, true, true, true, true, true, false};

// [low, high] -> [-1, 1], clipped. Training computes it in float, as the TensorFlow pipeline does.
template <typename Float>
Float to_unit_range(Float value, double low, double high) {
  const auto scaled = 2 * (value - static_cast<Float>(low)) / static_cast<Float>(high - low + 1e-8) - 1;
  return std::clamp<Float>(scaled, -1, 1);
}

struct ActionStatistics {
  ActionNumbers q01{}, q99{};                   // percentiles
  std::array<bool, kActionNumbers> scaled{};    // "mask"; the others are as the model says them
  std::array<bool, kActionNumbers> constant{};  // "min" equals "max": the normalised value is 0

  ActionNumbers restored(const ActionNumbers& normalised) const;  // what the model said -> metres, radians
  ActionNumbers normalised(const ActionNumbers& values) const;    // clipped to [-1, 1] where scaled
};

class ActionStatisticsTable {
 public:
  // Strict: Error(Malformed) with the JSON pointer for anything but seven finite numbers, q01 <= q99, known fields.
  static ActionStatisticsTable parse(const Json& root, const std::string& file);
  // The folder's dataset_statistics.json alone; without that file the two sets that were published with the model.
  static ActionStatisticsTable read(const Path& folder);
  static ActionStatisticsTable published();

  const std::string& source() const { return source_; }  // the file, or "published with the model"
  std::vector<std::string> keys() const;
  // The key or what it is another name of; empty: the only one there is. Error(Usage) lists the keys.
  std::string resolve(const std::string& key) const;
  const ActionStatistics& at(const std::string& key) const { return sets_.at(resolve(key)); }

 private:
  std::map<std::string, ActionStatistics> sets_;
  std::string source_;
};

}  // namespace magma
