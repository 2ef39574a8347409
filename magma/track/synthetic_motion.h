// Motions of synthetic scenes: smooth seeded walks and the paths of camera, objects and occluder. For synthetic.cpp
// alone. Source: som_tom.md 3.5.
#pragma once

#include <vector>

#include "magma/core/random.h"
#include "magma/track/synthetic.h"

namespace magma {

// [F] a random walk of steps of the given deviation, smoothed over 9 frames, 0 on frame 0.
std::vector<double> smooth_walk(Rng& rng, int F, double step);

// Where a thing made of texture stands on a frame: texture px -> world or image.
struct Pose {
  double x = 0, y = 0;  // of the texture's centre
  double angle_rad = 0, scale = 1;
};

// [F] world px -> image px. `world_side` is the side of the square world, whose middle is seen on frame 0.
std::vector<Homography> camera_path(Rng& rng, const SyntheticOptions& options, int world_side);
// [F] in world px: a sinusoidal path of mean speed 1.5..4 px/frame (at 640 px, 30 fps) around `centre`, turning and
// growing slowly.
std::vector<Pose> object_path(Rng& rng, const SyntheticOptions& options, Point centre);
// [F] in image px: once across the picture, left to right or back, at constant speed; or at one place throughout.
std::vector<Pose> occluder_path(Rng& rng, const SyntheticOptions& options, double half_w);

}  // namespace magma
