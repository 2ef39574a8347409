// Measures trackers on the synthetic suite, through the same road as a user's video: H.264 at crf 23, decoded again.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/file.h"
#include "magma/image/planes.h"
#include "magma/track/metrics.h"
#include "magma/track/synthetic.h"
#include "magma/track/tracker.h"

namespace magma {

// H.264 at crf 23 and the scene's own frame rate.
void encode_scene(const SyntheticScene& scene, const SyntheticOptions& options, const Path& path);

// A clip as a tracker gets it, and what it should find.
struct RecordedClip {
  std::vector<Planes> frames;  // decoded, at the clip's own size
  std::vector<Query> queries;  // grid on frame 0
  double fps = 30;
  SyntheticClip truth;
};

// Renders and encodes the clip; the video is removed again. `folder` holds it meanwhile.
RecordedClip record_clip(const SyntheticOptions& options, int grid, const Path& folder);

// FOLDER/<name>.mp4 and FOLDER/<name>.safetensors: <name>/tracks F32 [F, N, 2] px, <name>/visible Bool [F, N],
// <name>/moving and <name>/scored U8 [N], <name>/homography F32 [F, 3, 3] frame t -> frame 0.
void write_suite_clip(const SuiteClip& clip, int grid, const Path& folder);

// Which points move of themselves: [N] 1 moving, 0 static, anything else undecided. Filled in by those who split.
using PointSplitter = std::function<std::vector<uint8_t>(const PointTracks& tracks, double fps)>;

struct TrackBenchOptions {
  std::vector<std::string> trackers;
  std::string only = {};  // clips whose name contains this
  int grid = 15;
  int threads = 1;
  Path scratch = {};         // folder for the videos in the making
  PointSplitter split = {};  // may be empty
};

struct TrackBenchRow {
  std::string clip, tracker;
  TrackScore score;
  std::optional<double> moving_f1;  // 0..1, of scored and decided points; absent without a splitter or moving points
  double false_moving = 0;          // share of scored static points called moving
  double ms_per_frame = 0;          // wall time of the tracker alone
};

// Clips in the order of the suite, trackers in the order given. Error(Usage) when no clip's name matches `only`.
std::vector<TrackBenchRow> bench_trackers(const TrackBenchOptions& options);
// Unweighted means over the clips, one row per tracker, clip name "mean".
std::vector<TrackBenchRow> mean_rows(std::span<const TrackBenchRow> rows);
nlohmann::json bench_json(std::span<const TrackBenchRow> rows);
std::string bench_table(std::span<const TrackBenchRow> rows);  // for people, with the means below

}  // namespace magma
