// Variant "corrected", the default: som_tom.md 1.6 with every defect of 1.5 fixed.
#include <algorithm>

#include "magma/core/check.h"
#include "magma/mark/clip_marks.h"
#include "magma/mark/mark_selection.h"
#include "magma/mark/trace_labels.h"

namespace magma {
namespace {

constexpr double kSeenShare = 1.0 / 3;  // of the points must still be seen where a clip is judged

// Leading frames until most points are gone for good: something filled the picture, or the camera turned away. At least
// two frames where there are two.
int64_t usable_frames(const PointTracks& tracks) {
  const auto seen_at = [&](int64_t t) {
    const auto row = tracks.visible.begin() + static_cast<std::ptrdiff_t>(t * tracks.N);
    return std::count_if(row, row + static_cast<std::ptrdiff_t>(tracks.N), [](uint8_t v) { return v != 0; });
  };
  const double enough = kSeenShare * static_cast<double>(seen_at(0));
  int64_t frames = tracks.F;
  while (frames > 2 && static_cast<double>(seen_at(frames - 1)) < enough) --frames;
  return frames;
}

PointTracks leading_frames(const PointTracks& tracks, int64_t frames) {
  PointTracks result = tracks;
  result.F = frames;
  result.xy.resize(static_cast<size_t>(frames * tracks.N));
  result.visible.resize(result.xy.size());
  result.confidence.resize(result.xy.size());
  return result;
}

// The camera beyond the frames it was estimated on: chained on, which no decision rests on.
void extend_camera(const PointTracks& tracks, CameraMotion& camera) {
  const auto known = static_cast<int64_t>(camera.to_first.size());
  camera.to_first.resize(static_cast<size_t>(tracks.F), kIdentity);
  camera.status.resize(static_cast<size_t>(tracks.F), FitStatus::Fitted);
  camera.inlier_share.resize(static_cast<size_t>(tracks.F), 1);
  for (int64_t t = known; camera.moving && t < tracks.F; ++t) chain_frame(tracks, t, camera);
}

void stop(ClipMarks& result, const char* reason) {
  result.status = "rejected";
  result.reason = reason;
  result.cluster.assign(result.split.kind.size(), -1);
}

class Corrected final : public MarkProcedure {
 public:
  static constexpr const char* kSummary = "camera removed on the background, moving points by significance (default)";

  ClipMarks make(const ClipInput& clip, const MarkConfig& config) const override {
    MAGMA_CHECK(clip.tracks != nullptr && clip.tracks->F > 0, "a clip without tracks");
    ClipMarks result;
    result.frames_used = usable_frames(*clip.tracks);
    const PointTracks used = leading_frames(*clip.tracks, result.frames_used);
    result.camera = estimate_camera(used, config, clip.fps);
    result.stabilised = stabilise(used, result.camera);
    const ClipInput leading = {clip.id, &used, clip.quality, clip.fps};
    result.split = split_points(leading, result.stabilised, result.camera, config);
    decide(leading, config, result);
    extend_camera(*clip.tracks, result.camera);
    result.stabilised = stabilise(*clip.tracks, result.camera);
    return result;
  }

 private:
  static void decide(const ClipInput& clip, const MarkConfig& config, ClipMarks& result) {
    if (result.camera.rejected) return stop(result, "camera_unfitted");
    select_marks(clip, config, result);
    if (result.marks.empty()) return stop(result, "no_points");
    result.traces = make_traces(result.stabilised, result.marks, config);
    if (!result.traces.empty()) return;
    result.status = "som_only";
    result.reason = "nothing_moves";
  }
};

MAGMA_REGISTER(MarkProcedures, Corrected);

}  // namespace
}  // namespace magma
