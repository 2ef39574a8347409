// How a data set's actions become numbers in [-1, 1]. Source: data_formats.md 2.7, 2.8.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "magma/action/robot_action.h"
#include "magma/core/json.h"
#include "magma/data/step_columns.h"

namespace magma {

// Of each column of a table [N, width].
struct ColumnStatistics {
  std::vector<double> mean{}, std{}, max{}, min{}, q01{}, q99{};  // std: of all there are, not of a sample
};
// Sums in double and in the order of the rows; quantiles are exact, between two values by their distance. `rows` > 0.
ColumnStatistics column_statistics(const Columns& columns);

struct OpenxStatistics {
  ColumnStatistics action{}, proprio{};
  int64_t transitions = 0, trajectories = 0;
};
// {"action": {"mean": [...], ..., "mask": [...]}, "proprio": {...}, "num_transitions": N, "num_trajectories": M}
void append_json(std::string& out, const OpenxStatistics& statistics);
// Back. Error(Malformed) with the JSON pointer for anything but finite numbers, seven of the action.
OpenxStatistics parse_openx_statistics(const Json& value, const std::string& file, const std::string& where);

enum class Normalisation { Normal, Bounds, BoundsQ99 };
Normalisation parse_normalisation(const std::string& name);  // "normal", "bounds", "bounds_q99"; Error(Usage)

// All but the gripper are scaled. In float, as the TensorFlow pipeline computes it.
class ActionNormaliser {
 public:
  ActionNormaliser(const ColumnStatistics& action, Normalisation kind);
  // Seven numbers to seven.
  void apply(std::span<const float> action, std::span<float> normalised) const;

 private:
  Normalisation kind_;
  std::array<double, kActionNumbers> low_{}, high_{};  // mean and deviation of Normal
  std::array<bool, kActionNumbers> constant_{};        // min equals max: always 0
};

}  // namespace magma
