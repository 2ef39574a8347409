// The reference's three procedures, to the letter, for comparison: som_tom.md 1.2 and 1.3, data_formats.md 4.6 and 4.7.
// Fixed nevertheless: frames without a homography (D2, D3), crashes (D19, D20), blank images (D21), seeds (D22).
// The 20 % of samples without marks belong to sampling and not to marking: see magma/data.
#pragma once

#include <cstdint>

#include "magma/mark/clip_marks.h"

namespace magma {

struct ReferenceRules {
  int working_height = 0;           // thresholds hold in a frame of this height; 0: the tracking frame
  bool square_floor = false;        // robot: tracks of a 256 x 256 frame, doubled with integer coordinates
  int64_t drop_first = 0;           // frames left out at the start, where more follow
  bool random_start = false;        // starts at a random frame of the first half of the motion
  double camera_px = 1;             // mean step above which a point counts for camera motion
  bool speed_after_removal = true;  // the demo classifies with the speeds before it (D1)
  double eps_px = 3;
  int64_t moving_min = 2, moving_max = 5, static_min = 6, static_max = 14;  // clusters
  bool refuse_short = false;          // traces of at most a quarter of the frames after thinning
  double min_speed_cells = 0;         // mean step of the thinned trace below which a mark gets none
  bool always_remove_camera = false;  // ego-centric data sets, by their tags
  bool keep_still_steps = false;      // a trace is its whole path, not what thinning left of it
};

// Tracks of a 256 x 256 frame in one of 512 x 512, with integer coordinates.
PointTracks robot_tracks(const PointTracks& tracks);

// Homographies lead to the marked frame.
ClipMarks make_reference_marks(const ClipInput& clip, const MarkConfig& config, const ReferenceRules& rules);

}  // namespace magma
