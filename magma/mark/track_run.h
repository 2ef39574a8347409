// track_run: `magma track`: one video, one set of query points, all its frames.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "magma/core/file.h"
#include "magma/core/geometry.h"
#include "magma/core/progress.h"

namespace magma {

struct TrackRunOptions {
  Path video;
  Path output;
  Path queries;  // JSON lines {"frame", "x", "y"}; empty: the grid
  std::string tracker = "classical";
  int64_t grid = 15;
  int64_t track_width = 640;  // longer side of the tracking frame, px
  int threads = 1;
  bool with_video = true;
  bool overwrite = false;
  std::string program_version;
  ProgressStyle progress = ProgressStyle::Auto;
};

struct TrackRunSummary {
  int64_t frames = 0, points = 0;
  double visible_share = 0;
  Size source, track;
  std::map<std::string, double> seconds;  // decode, scale, track, draw
};

// Leaves tracks.safetensors, tracks.jsonl, orig_trace.mp4 and report.html in `output`, or nothing. Error(Usage) for a
// folder that holds other things, or the output of a run that was started differently and may not be overwritten.
TrackRunSummary run_track(const TrackRunOptions& options);

}  // namespace magma
