// MarkConfig: every number of Set-of-Mark and Trace-of-Mark making. Defaults: som_tom.md 1.6. px' means pixels of a
// 640 px wide frame at 30 fps: code multiplies by W/640 and speeds by 30/fps.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "magma/core/geometry.h"

namespace magma {

// 1 px' in pixels of `frame`. The longer side counts, so that a portrait frame has the scale of the same frame turned.
inline double pixel_scale(Size frame) { return std::max(frame.w, frame.h) / 640.0; }

struct MarkConfig {
  int64_t seed = 0;
  std::string variant = "corrected";
  std::string tracker = "classical";
  int64_t grid = 15;          // side of the query grid
  int64_t track_width = 640;  // longer side of the tracking frame, px
  int64_t clip_frames = 96;
  int64_t min_clip_frames = 1;
  int64_t quant = 256;                   // side of the answer grid
  double min_visible = 0.5;              // share of frames
  std::string camera_rule = "residual";  // or "magma": the 80 % rule
  double eps_px = 1.0;                   // px' per frame
  int64_t clusters_moving_min = 2, clusters_moving_max = 5;
  int64_t clusters_static_min = 6, clusters_static_max = 14;
  int64_t max_trace_steps = 16;
  std::string family = "person";           // prompts: person, saying, robot
  std::string default_text = "something";  // stands for the task in trace questions of clips without a text
  std::string shot_detector = "content";

  template <typename Visitor>
  void fields(Visitor& v) {
    v("seed", seed, "seed of every random choice");
    v("variant", variant, "corrected, or the reference's demo, video or robot procedure to the letter");
    v("tracker", tracker, "tracker plug-in (magma list)");
    v("grid", grid, "side of the grid of query points on a clip's first frame");
    v("track_width", track_width, "longer side of the frame that is tracked in, px; never enlarged");
    v("clip_frames", clip_frames, "longest clip; longer shots are cut into clips of equal length");
    v("min_clip_frames", min_clip_frames, "shots shorter than this are dropped and counted");
    v("quant", quant, "side of the grid that answers are written on");
    v("min_visible", min_visible, "share of frames a point must be visible in to be used");
    v("camera_rule", camera_rule, "residual, or magma: the reference's 80 % rule");
    v("eps_px", eps_px, "speed above which a point moves, px per frame at 640 px and 30 fps");
    v("clusters_moving_min", clusters_moving_min, "fewest clusters of moving points");
    v("clusters_moving_max", clusters_moving_max, "most clusters of moving points");
    v("clusters_static_min", clusters_static_min, "fewest clusters of static points");
    v("clusters_static_max", clusters_static_max, "most clusters of static points");
    v("max_trace_steps", max_trace_steps,
      "most future positions of a trace; all traces of a clip have the same number");
    v("family", family, "prompt family: person, saying or robot");
    v("default_text", default_text, "stands for the task in trace questions of clips without a text");
    v("shot_detector", shot_detector, "shot detector plug-in (magma list)");
  }
};

}  // namespace magma
