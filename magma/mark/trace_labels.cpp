#include "magma/mark/trace_labels.h"

#include <algorithm>
#include <cmath>

namespace magma {
namespace {

constexpr double kThinCells = 2;  // grid units; smaller steps say nothing about motion

Point to_grid(Point p, Size frame, int64_t quant) {
  return {p.x * static_cast<float>(quant) / static_cast<float>(frame.w),
          p.y * static_cast<float>(quant) / static_cast<float>(frame.h)};
}

int rounded(float value, int64_t quant) {
  const double last = static_cast<double>(quant - 1);
  return static_cast<int>(std::min(std::max(std::floor(static_cast<double>(value) + 0.5), 0.0), last));
}

}  // namespace

Cell rounded_cell(Point p, Size frame, int64_t quant) {
  const Point q = to_grid(p, frame, quant);
  return {rounded(q.x, quant), rounded(q.y, quant)};
}

std::vector<Point> visible_path(const PointTracks& tracks, int64_t point) {
  std::vector<Point> path(static_cast<size_t>(tracks.F));
  int64_t seen = -1;  // last visible frame
  for (int64_t t = 0; t < tracks.F; ++t) {
    path[static_cast<size_t>(t)] = seen >= 0 ? path[static_cast<size_t>(seen)] : tracks.at(t, point);
    if (!tracks.is_visible(t, point)) continue;
    const Point to = tracks.at(t, point);
    const Point from = seen >= 0 ? path[static_cast<size_t>(seen)] : to;
    for (int64_t s = seen + 1; s <= t; ++s) {
      const float share = static_cast<float>(s - seen) / static_cast<float>(t - seen);
      path[static_cast<size_t>(s)] = s == t ? to : from + (to - from) * share;
    }
    seen = t;
  }
  return path;
}

std::vector<Point> thin_path(const std::vector<Point>& path, double distance) {
  std::vector<Point> kept;
  for (const Point p : path) {
    if (kept.empty() || norm(p - kept.back()) >= distance) kept.push_back(p);
  }
  return kept;
}

std::vector<Trace> make_traces(const PointTracks& stabilised, const std::vector<Mark>& marks,
                               const MarkConfig& config) {
  std::vector<Trace> traces;
  std::vector<std::vector<Point>> paths;
  int64_t steps = 1;
  for (const Mark& mark : marks) {
    if (!mark.moving) continue;
    std::vector<Point> path = visible_path(stabilised, mark.point);
    for (Point& p : path) p = to_grid(p, stabilised.frame, config.quant);
    steps = std::max(steps, static_cast<int64_t>(thin_path(path, kThinCells).size()) - 1);
    traces.push_back({mark.id, {}, 0});
    paths.push_back(std::move(path));
  }
  steps = std::min({steps, config.max_trace_steps, stabilised.F - 1});
  for (size_t i = 0; i < traces.size(); ++i) {
    traces[i].steps = static_cast<int>(steps);
    for (int64_t j = 0; j <= steps; ++j) {
      const int64_t t = (2 * j * (stabilised.F - 1) + steps) / (2 * steps);  // nearest frame
      const Point q = paths[i][static_cast<size_t>(t)];
      traces[i].cells.push_back({rounded(q.x, config.quant), rounded(q.y, config.quant)});
    }
  }
  return traces;
}

}  // namespace magma
