#include "magma/mark/mark_choices.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "magma/core/error.h"
#include "magma/core/text_distance.h"
#include "magma/mark/clip_marks.h"
#include "magma/mark/shot_detector.h"
#include "magma/track/tracker.h"

namespace magma {
namespace {

void require_one_of(const char* setting, const std::string& value, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), value) != known.end()) return;
  const std::string near = nearest_word(value, known);
  throw Error(ErrorCode::Usage, {.where = setting,
                                 .what = "unknown choice",
                                 .expected = fmt::format("{}", fmt::join(known, ", ")),
                                 .got = value,
                                 .hint = near.empty() ? "" : "did you mean " + near});
}

}  // namespace

void require_known_choices(const MarkConfig& config) {
  MarkProcedures::make(config.variant);
  Trackers::make(config.tracker, {});
  ShotDetectors::make(config.shot_detector, {});
  require_one_of("camera_rule", config.camera_rule, {"residual", "magma"});
  require_one_of("family", config.family, {"person", "saying", "robot"});
}

}  // namespace magma
