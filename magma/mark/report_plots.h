// Plots of a report as SVG text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "magma/mark/moving_points.h"
#include "magma/track/tracks.h"

namespace magma {

struct PlotMark {
  int id = 0;
  bool moving = false;
  Point position;  // px of the tracks' frame
};

// Paths of all points in one view: moving ones in the colours of the videos, the others grey; kind [N].
std::string trajectories_svg(const PointTracks& tracks, const std::vector<PointKind>& kind,
                             const std::vector<PlotMark>& marks);

// Speeds [N] in px per frame by kind, and the threshold between static and moving.
std::string speed_histogram_svg(const std::vector<float>& speed, const std::vector<PointKind>& kind, double threshold);

// A share 0..1 over `frames` frames.
std::string share_svg(const std::vector<float>& share, int64_t frames, const std::string& description);

}  // namespace magma
