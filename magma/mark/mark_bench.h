// Measures marks on synthetic clips with exact truth, through the same road as a user's video: H.264, decode, shots,
// tracker, marks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/file.h"
#include "magma/mark/mark_config.h"
#include "magma/track/synthetic.h"

namespace magma {

struct MarkBenchOptions {
  std::vector<SuiteClip> clips = {};
  std::string only = {};             // clips whose name contains this
  std::vector<uint64_t> seeds = {};  // added to each clip's own, one run of the clips for each; empty: as they are
  double scale = 1;                  // of the clips' frame sizes
  MarkConfig config = {};
  Path scratch = {};  // folder for the videos in the making
};

// F1 of "moves of itself", 0..1; absent where nothing does. Points of the occluder are left out of the points' scores,
// but a mark on an occluder that crosses the picture is on a moving thing.
struct MarkBenchRow {
  std::string clip, status;
  bool camera_only = false;         // no object in the scene
  std::optional<double> point_f1;   // of the points that were decided
  std::optional<double> strict_f1;  // of all points, an undecided one counting as static
  std::optional<double> mark_f1;    // absent also where nothing is marked
  int64_t moving_marks = 0;         // all
  int64_t wrong_marks = 0;          // moving marks on what does not move of itself
  double residual_px = 0;           // mean over background points and frames, native pixels, of the true place
  double exact_residual_px = 0;     // after camera removal; the camera found from the tracker's or exact tracks
  std::optional<double> exact_f1;   // of the points with exact tracks
};

// A row for each marked clip: long videos yield several. Error(Usage) when no clip's name matches `only`.
std::vector<MarkBenchRow> bench_marks(const MarkBenchOptions& options);
// Means of F1 and residual, sums of marks, largest exact residual.
MarkBenchRow total_row(std::span<const MarkBenchRow> rows);
nlohmann::json mark_bench_json(std::span<const MarkBenchRow> rows);
std::string mark_bench_table(std::span<const MarkBenchRow> rows);  // for people, with the total below

}  // namespace magma
