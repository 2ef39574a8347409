// Variant "corrected", the default: som_tom.md 1.6 with every defect of 1.5 fixed.
#include <algorithm>

#include "magma/core/check.h"
#include "magma/mark/clip_marks.h"
#include "magma/mark/mark_selection.h"
#include "magma/mark/trace_labels.h"

namespace magma {
namespace {

constexpr int64_t kFewestMoving = 2;

void stop(ClipMarks& result, const char* reason) {
  result.status = "rejected";
  result.reason = reason;
  result.cluster.assign(result.split.kind.size(), -1);
}

class Corrected final : public MarkProcedure {
 public:
  static constexpr const char* kSummary = "camera removed on the background, moving points by significance (default)";

  ClipMarks make(const ClipInput& clip, const MarkConfig& config) const override {
    MAGMA_CHECK(clip.tracks != nullptr, "a clip without tracks");
    ClipMarks result;
    result.camera = estimate_camera(*clip.tracks, config, clip.fps);
    result.stabilised = stabilise(*clip.tracks, result.camera);
    result.split = split_points(result.stabilised, result.camera, config, clip.fps);
    if (result.camera.rejected) {
      stop(result, "camera_unfitted");
      return result;
    }
    const auto moving = std::count(result.split.kind.begin(), result.split.kind.end(), PointKind::Moving);
    select_marks(clip, config, moving >= kFewestMoving, result);
    if (result.marks.empty()) {
      stop(result, "no_points");
      return result;
    }
    result.traces = make_traces(result.stabilised, result.marks, config);
    if (result.traces.empty()) {
      result.status = "som_only";
      result.reason = "nothing_moves";
    }
    return result;
  }
};

MAGMA_REGISTER(MarkProcedures, Corrected);

}  // namespace
}  // namespace magma
