// ClipMarks: what a clip yields: marks on its first frame, traces of the moving ones, and why. One plug-in per
// procedure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "magma/core/registry.h"
#include "magma/mark/camera_motion.h"
#include "magma/mark/mark_config.h"
#include "magma/mark/moving_points.h"
#include "magma/text/prompts.h"

namespace magma {

struct Mark {
  int id = 0;  // number drawn, from 1
  bool moving = false;
  int64_t point = 0;    // index into the tracks
  Point position;       // px of the tracking frame, at the marked frame
  Cell cell{};          // on the quant grid
  double speed_px = 0;  // px of the tracking frame per frame, stabilised
  double quality = 0;   // 0..1
  int cluster = 0;
};

struct Trace {
  int id = 0;
  std::vector<Cell> cells;  // cells[0] the mark's, then `steps` future ones, stabilised
  int steps = 0;
};

struct ClipInput {
  std::string id;  // seeds the random streams
  const PointTracks* tracks = nullptr;
  std::vector<float> quality;  // [N] texture strength at the query frame, 0..1; empty: 1 everywhere
  double fps = 30;
};

struct ClipMarks {
  std::string status = "ok";  // ok, som_only (nothing moves), rejected
  std::string reason;         // why not ok; a fixed word: "nothing_moves", "camera_unfitted", "no_points", ...
  int64_t marked_frame = 0;   // frame of the clip the marks are drawn on
  int64_t frames_used = 0;    // leading frames that decisions and traces rest on; the rest lost too many points
  CameraMotion camera;
  PointTracks stabilised;
  PointSplit split;
  int clusters_moving = 0, clusters_static = 0;  // k drawn, clipped to the set sizes
  std::vector<int> cluster;                      // [N] index or -1
  std::vector<Mark> marks;                       // ascending id
  std::vector<Trace> traces;                     // ascending id; empty where nothing moves, then all marks are static
  double mean_speed_cells = 0;  // step of the thinned traces, slow ones too; of the reference's procedures alone
};

class MarkProcedure {
 public:
  static constexpr const char* kKind = "variant";
  virtual ~MarkProcedure() = default;
  virtual ClipMarks make(const ClipInput& clip, const MarkConfig& config) const = 0;
};

using MarkProcedures = Registry<MarkProcedure>;  // corrected, demo, video, robot

}  // namespace magma
