// OpenxLayout: episodes of one Open-X data set to trajectories of seven numbers a step. Source: data_formats.md 1.7,
// 2.3 to 2.6.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "magma/action/robot_action.h"
#include "magma/data/openx_layouts.h"
#include "magma/data/openx_recipe.h"
#include "magma/data/rlds_dataset.h"
#include "magma/data/step_columns.h"

namespace magma {

// What of an episode a layout reads.
struct EpisodeSteps {
  int64_t steps = 0;
  StepColumns::Source value;
  std::function<std::string_view(std::string_view key, int64_t step)> text;
};
EpisodeSteps steps_of(const Episode& episode);  // keeps it alive

struct OpenxTrajectory {
  int64_t first_step = 0;            // of the episode, where transition 0 is
  Columns actions{};                 // [T, 7]: metres, radians, gripper 1 open and 0 closed
  Columns proprio{};                 // [T, n], or nothing where it was not asked for
  std::vector<std::string> texts{};  // instructions in lower case, each once in a row
  std::vector<uint32_t> text_of{};   // [T]

  int64_t size() const { return actions.rows; }
  const std::string& language(int64_t transition) const { return texts[text_of[static_cast<size_t>(transition)]]; }
  bool labelled() const;  // one instruction at least is not empty
};

class OpenxLayout {
 public:
  // Error(Usage) for a name that is none, Error(Refused) for a data set whose actions are not seven numbers or whose
  // layout nobody states.
  explicit OpenxLayout(const std::string& dataset);

  const std::string& dataset() const { return dataset_; }
  bool draws_moving_frames() const { return row_->quirk == LayoutQuirk::Droid; }
  int64_t first_step() const { return row_->quirk == LayoutQuirk::Bridge ? 1 : 0; }  // where transition 0 is
  std::string fingerprint() const;  // changes when what it makes of an episode does
  // The observation key of the picture, "steps/observation/image_0"; empty: no such camera. `draw` in [0, 1) decides
  // where the reference tosses a coin for every trajectory.
  std::string primary_camera(double draw) const;

  // Before any record is read: Error(Malformed) for a feature that `dataset` does not have or that cannot fit.
  void require_features(const RldsDataset& dataset, const std::string& file) const;
  // Error(Malformed) names feature and step.
  OpenxTrajectory standardise(const EpisodeSteps& episode, bool with_proprio) const;
  // Error(Malformed) where the gripper of transitions [0, count), as it is stored, is beyond -1 and 1, which no token
  // can say. Layouts that cut it to 0 and 1 themselves take any.
  void require_gripper_range(const EpisodeSteps& episode, int64_t count) const;

 private:
  std::string language_key() const;
  void read_language(const EpisodeSteps& episode, OpenxTrajectory& trajectory) const;

  std::string dataset_;
  const OpenxLayoutRow* row_;
  Recipe action_, proprio_;
};

bool is_openx_layout(const std::string& dataset);
std::vector<std::string> openx_layout_names();
// The data set a version folder holds, by the names of the folders above it: ROOT/NAME/1.0.0, ROOT/NAME/CONFIG/1.0.0.
// Error(Usage) where none is known.
std::string openx_dataset_name(const Path& version_folder);
bool has_openx_layout(const Path& version_folder);  // there is such a name

}  // namespace magma
