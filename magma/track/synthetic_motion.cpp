#include "magma/track/synthetic_motion.h"

#include <cmath>

#include <opencv2/core.hpp>

namespace magma {
namespace {

constexpr int kSmoothing = 9;  // frames

}  // namespace

std::vector<double> smooth_walk(Rng& rng, int F, double step) {
  std::vector<double> walk = {0};
  for (int i = 1; i < F + kSmoothing; ++i) walk.push_back(walk.back() + step * rng.normal());
  std::vector<double> smooth;
  for (int f = 0; f < F; ++f) {
    double sum = 0;
    for (int i = 0; i < kSmoothing; ++i) sum += walk[static_cast<size_t>(f + i)];
    smooth.push_back(sum / kSmoothing);
  }
  const double first = smooth.front();
  for (double& value : smooth) value -= first;
  return smooth;
}

namespace {

// Time in frames of 30 a second, and lengths of a picture 640 px wide.
double frame_time(const SyntheticOptions& options) { return 30.0 / options.fps; }
double unit_px(const SyntheticOptions& options) { return options.size.w / 640.0; }

struct CameraWalk {
  std::vector<double> x, y, angle, zoom, tilt_x, tilt_y;  // [F]
};

CameraWalk wander(Rng& rng, const SyntheticOptions& options, double pace) {
  const double step = pace * frame_time(options), px = step * unit_px(options), tilt = 4e-6 * step / unit_px(options);
  CameraWalk walk;
  walk.x = smooth_walk(rng, options.frames, 2.5 * px);
  walk.y = smooth_walk(rng, options.frames, 1.8 * px);
  walk.angle = smooth_walk(rng, options.frames, 0.004 * step);
  walk.zoom = smooth_walk(rng, options.frames, 0.004 * step);
  walk.tilt_x = smooth_walk(rng, options.frames, tilt);
  walk.tilt_y = smooth_walk(rng, options.frames, tilt);
  return walk;
}

// One steady way, not longer than the world is wide.
void add_steady(Rng& rng, const SyntheticOptions& options, CameraWalk& walk) {
  const double seconds = std::max(2.0, options.frames / static_cast<double>(options.fps));
  const double sign = rng.uniform() < 0.5 ? -1 : 1, share = rng.uniform(0.5, 1) * sign / (seconds * options.fps);
  for (size_t f = 0; f < walk.x.size(); ++f) {
    const double way = share * static_cast<double>(f);
    if (options.camera == CameraMode::Pan) walk.x[f] += 360 * unit_px(options) * way, walk.y[f] += 60 * way;
    if (options.camera == CameraMode::Zoom) walk.zoom[f] += 0.6 * way;
    if (options.camera == CameraMode::Roll) walk.angle[f] += 0.7 * way;
  }
}

void add_tremble(Rng& rng, const SyntheticOptions& options, CameraWalk& walk) {
  for (size_t f = 1; f < walk.x.size(); ++f) {
    walk.x[f] += 3 * unit_px(options) * rng.normal();
    walk.y[f] += 2 * unit_px(options) * rng.normal();
    walk.angle[f] += 0.004 * rng.normal();
  }
}

double wandering(CameraMode mode) {
  switch (mode) {
    case CameraMode::Hand:
      return 1;
    case CameraMode::Fast:
      return 2;
    case CameraMode::Shake:
      return 0.5;
    default:
      return 0;
  }
}

}  // namespace

std::vector<Homography> camera_path(Rng& rng, const SyntheticOptions& options, int world_side) {
  CameraWalk walk = wander(rng, options, wandering(options.camera));
  add_steady(rng, options, walk);
  if (options.camera == CameraMode::Shake) add_tremble(rng, options, walk);
  const auto& [x, y, angle, zoom, tilt_x, tilt_y] = walk;
  const double cx = (options.size.w - 1) / 2.0, cy = (options.size.h - 1) / 2.0, middle = (world_side - 1) / 2.0;
  const cv::Matx33d from_world(1, 0, -middle, 0, 1, -middle, 0, 0, 1);  // to the optical axis
  const cv::Matx33d to_image(1, 0, cx, 0, 1, cy, 0, 0, 1);
  std::vector<Homography> path;
  for (size_t f = 0; f < x.size(); ++f) {
    const double c = std::exp(zoom[f]) * std::cos(angle[f]), s = std::exp(zoom[f]) * std::sin(angle[f]);
    const cv::Matx33d move(c, -s, x[f], s, c, y[f], tilt_x[f], tilt_y[f], 1);
    const cv::Matx33d product = to_image * move * from_world;
    Homography h;
    for (size_t i = 0; i < h.size(); ++i) h[i] = product.val[i] / product.val[8];
    path.push_back(h);
  }
  return path;
}

std::vector<Pose> object_path(Rng& rng, const SyntheticOptions& options, Point centre) {
  const int F = options.frames;
  const double time = frame_time(options), px = unit_px(options) * options.object_pace;
  const double speed = rng.uniform(1.5, 4), heading = rng.uniform(0, 2 * CV_PI);
  const double rate = 2 * CV_PI / rng.uniform(45, 90), phase = rng.uniform(0, 2 * CV_PI);
  // An ellipse of motion four times as long as wide; the mean of |cos| is 2/pi.
  const double along = px * speed / rate * CV_PI / 2, across = along / 4;
  const std::vector<double> angle = smooth_walk(rng, F, 0.01 * time);
  const std::vector<double> growth = smooth_walk(rng, F, 0.005 * time);
  std::vector<Pose> path;
  for (int f = 0; f < F; ++f) {
    const double turn = rate * time * f + phase;
    const double u = along * (std::sin(turn) - std::sin(phase));
    const double v = across * (std::cos(turn) - std::cos(phase));
    const size_t i = static_cast<size_t>(f);
    path.push_back({centre.x + u * std::cos(heading) - v * std::sin(heading),
                    centre.y + u * std::sin(heading) + v * std::cos(heading), angle[i], std::exp(growth[i])});
  }
  return path;
}

std::vector<Pose> occluder_path(Rng& rng, const SyntheticOptions& options, double half_w) {
  const int F = options.frames;
  const Size frame = options.size;
  const double start = -half_w + rng.uniform(-0.1, 0.1) * frame.w;
  const double end = frame.w + half_w + rng.uniform(0, 0.4) * frame.w;
  const double y = rng.uniform(0.3, 0.7) * frame.h, drift = rng.uniform(-0.2, 0.2) * frame.h;
  const bool back = rng.uniform() < 0.5;
  if (options.occluder == Occluder::Fixed) {
    return {static_cast<size_t>(F), Pose{rng.uniform(0.1, 0.9) * frame.w, y, 0, 1}};
  }
  std::vector<Pose> path;
  for (int f = 0; f < F; ++f) {
    const double share = F > 1 ? static_cast<double>(f) / (F - 1) : 0;
    const double x = start + share * (end - start);
    path.push_back({back ? frame.w - x : x, y + share * drift, 0.3 * share, 1});
  }
  return path;
}

}  // namespace magma
