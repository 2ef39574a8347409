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

std::vector<Homography> camera_path(Rng& rng, const SyntheticOptions& options, int world_side) {
  const double pace = options.camera == CameraMode::Static ? 0 : options.camera == CameraMode::Hand ? 1 : 2;
  const std::vector<double> x = smooth_walk(rng, options.frames, 2.5 * pace);
  const std::vector<double> y = smooth_walk(rng, options.frames, 1.8 * pace);
  const std::vector<double> angle = smooth_walk(rng, options.frames, 0.004 * pace);
  const std::vector<double> zoom = smooth_walk(rng, options.frames, 0.004 * pace);
  const std::vector<double> tilt_x = smooth_walk(rng, options.frames, 4e-6 * pace);
  const std::vector<double> tilt_y = smooth_walk(rng, options.frames, 4e-6 * pace);
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

std::vector<Pose> object_path(Rng& rng, int F, Point centre) {
  const double speed = rng.uniform(1.5, 4), heading = rng.uniform(0, 2 * CV_PI);
  const double rate = 2 * CV_PI / rng.uniform(45, 90), phase = rng.uniform(0, 2 * CV_PI);
  // An ellipse of motion four times as long as wide; the mean of |cos| is 2/pi.
  const double along = speed / rate * CV_PI / 2, across = along / 4;
  const std::vector<double> angle = smooth_walk(rng, F, 0.01);
  const std::vector<double> growth = smooth_walk(rng, F, 0.005);
  std::vector<Pose> path;
  for (int f = 0; f < F; ++f) {
    const double u = along * (std::sin(rate * f + phase) - std::sin(phase));
    const double v = across * (std::cos(rate * f + phase) - std::cos(phase));
    const size_t i = static_cast<size_t>(f);
    path.push_back({centre.x + u * std::cos(heading) - v * std::sin(heading),
                    centre.y + u * std::sin(heading) + v * std::cos(heading), angle[i], std::exp(growth[i])});
  }
  return path;
}

std::vector<Pose> occluder_path(Rng& rng, int F, Size frame, double half_w) {
  const double start = -half_w + rng.uniform(-0.1, 0.1) * frame.w;
  const double end = frame.w + half_w + rng.uniform(0, 0.4) * frame.w;
  const double y = rng.uniform(0.3, 0.7) * frame.h, drift = rng.uniform(-0.2, 0.2) * frame.h;
  const bool back = rng.uniform() < 0.5;
  std::vector<Pose> path;
  for (int f = 0; f < F; ++f) {
    const double share = F > 1 ? static_cast<double>(f) / (F - 1) : 0;
    const double x = start + share * (end - start);
    path.push_back({back ? frame.w - x : x, y + share * drift, 0.3 * share, 1});
  }
  return path;
}

}  // namespace magma
