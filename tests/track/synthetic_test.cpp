#include "magma/track/synthetic.h"

#include <cmath>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "magma/core/random.h"
#include "magma/track/metrics.h"
#include "magma/track/query_points.h"

namespace magma {
namespace {

constexpr int kReach = 7;  // px of the patches compared

std::vector<Point> grid_points(Size size) {
  std::vector<Point> points;
  for (const Query& query : grid_queries(size, 15)) points.push_back(query.point);
  return points;
}

uint64_t hash_of(const Image& image) {
  return hash64({reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()});
}

float green(const Image& image, Point p) {
  const int x = static_cast<int>(p.x), y = static_cast<int>(p.y);
  const float fx = p.x - static_cast<float>(x), fy = p.y - static_cast<float>(y);
  return (1 - fy) * ((1 - fx) * image.at(x, y).g + fx * image.at(x + 1, y).g) +
         fy * ((1 - fx) * image.at(x, y + 1).g + fx * image.at(x + 1, y + 1).g);
}

struct Patch {
  std::vector<float> values;  // mean 0
  float deviation = 0;
};

Patch patch_at(const Image& image, Point centre) {
  Patch patch;
  for (int y = -kReach; y <= kReach; ++y) {
    for (int x = -kReach; x <= kReach; ++x) {
      patch.values.push_back(green(image, centre + Point{static_cast<float>(x), static_cast<float>(y)}));
    }
  }
  const float count = static_cast<float>(patch.values.size());
  const float mean = std::accumulate(patch.values.begin(), patch.values.end(), 0.0F) / count;
  for (float& value : patch.values) value -= mean, patch.deviation += value * value;
  patch.deviation = std::sqrt(patch.deviation / count);
  return patch;
}

float correlation(const Patch& a, const Patch& b) {
  float sum = 0;
  for (size_t i = 0; i < a.values.size(); ++i) sum += a.values[i] * b.values[i];
  return sum / (static_cast<float>(a.values.size()) * a.deviation * b.deviation);
}

// Of the textured points visible in frames 0 and `frame`: the share whose patch looks there as in frame 0, and more so
// at the true place than a pixel and a half beside it in any direction.
double share_confirmed(const SyntheticOptions& options, int frame) {
  const SyntheticScene scene(options);
  const SyntheticClip clip = scene.truth(grid_points(options.size));
  const Image before = scene.render(0), after = scene.render(frame);
  int tested = 0, confirmed = 0;
  for (int64_t n = 0; n < clip.truth.N; ++n) {
    const Point from = clip.truth.at(0, n), to = clip.truth.at(frame, n);
    if (!clip.truth.is_visible(frame, n) || !inside(from, options.size, 10) || !inside(to, options.size, 10)) continue;
    const Patch patch = patch_at(before, from);
    if (patch.deviation < 8) continue;
    ++tested;
    const float here = correlation(patch, patch_at(after, to));
    bool best = here > 0.75F;
    for (const Point step : {Point{1.5F, 0}, Point{-1.5F, 0}, Point{0, 1.5F}, Point{0, -1.5F}}) {
      best = best && here > correlation(patch, patch_at(after, to + step));
    }
    confirmed += best ? 1 : 0;
  }
  EXPECT_GT(tested, 60);
  return static_cast<double>(confirmed) / tested;
}

TEST(SlowSynthetic, PicturesShowWhatTheTruthSays) {
  EXPECT_GT(share_confirmed({.seed = 11, .camera = CameraMode::Hand}, 8), 0.9);
}

TEST(SlowSynthetic, MotionBlurIsCentredOnTheTruth) {
  EXPECT_GT(share_confirmed({.seed = 12, .camera = CameraMode::Hand, .occluder = Occluder::None, .blur_px = 0.8}, 8),
            0.9);
}

TEST(Synthetic, ExactTrackerScoresFull) {
  const SyntheticScene scene({.seed = 3, .size = {320, 192}});
  const SyntheticClip clip = scene.truth(grid_points({320, 192}));
  const auto score = score_tracks(clip.truth, clip.truth, clip.scored);
  ASSERT_TRUE(score.has_value());
  EXPECT_NEAR(score->average_jaccard, 100, 1e-9);
  EXPECT_NEAR(score->delta, 100, 1e-9);
  EXPECT_NEAR(score->occlusion_accuracy, 100, 1e-9);
  EXPECT_NEAR(score->survival, 100, 1e-9);
}

TEST(Synthetic, SameSeedSameBytesInAnyOrderOfFrames) {
  const SyntheticOptions options = {.seed = 5, .size = {160, 96}, .frames = 10};
  const SyntheticScene one(options), two(options), other({.seed = 6, .size = {160, 96}, .frames = 10});
  const uint64_t late = hash_of(one.render(7)), early = hash_of(one.render(2));
  EXPECT_EQ(early, hash_of(two.render(2)));
  EXPECT_EQ(late, hash_of(two.render(7)));
  EXPECT_NE(early, late);
  EXPECT_NE(early, hash_of(other.render(2)));
}

TEST(Synthetic, StabilisingBringsBackgroundBackAndObjectsNot) {
  const SyntheticOptions options = {.seed = 7, .size = {320, 192}, .camera = CameraMode::Fast};
  const SyntheticClip clip = SyntheticScene(options).truth(grid_points(options.size));
  double object_motion = 0;
  for (int64_t f = 0; f < clip.truth.F; ++f) {
    for (int64_t n = 0; n < clip.truth.N; ++n) {
      const size_t i = static_cast<size_t>(n);
      const Point back = apply(clip.stabilise[static_cast<size_t>(f)], clip.truth.at(f, n));
      const double moved = norm(back - clip.truth.at(0, n));
      if (clip.moving[i] == 0) {
        EXPECT_LT(moved, 0.01);
      } else if (clip.scored[i] != 0) {
        object_motion = std::max(object_motion, moved);
      }
    }
  }
  EXPECT_GT(object_motion, 10);
}

TEST(Synthetic, StaticCameraStaysAndCameraOnlyHasNoMovingPoint) {
  const SyntheticOptions options = {.seed = 8, .size = {320, 192}, .camera = CameraMode::Static, .objects = 0};
  const SyntheticClip clip = SyntheticScene(options).truth(grid_points(options.size));
  for (size_t n = 0; n < clip.moving.size(); ++n) {
    if (clip.scored[n] == 0) continue;
    EXPECT_EQ(clip.moving[n], 0);
    EXPECT_LT(norm(clip.truth.at(59, static_cast<int64_t>(n)) - clip.truth.at(0, static_cast<int64_t>(n))), 1e-3);
  }
}

TEST(Synthetic, OccluderHidesPointsAndGivesThemBack) {
  const SyntheticOptions options = {.seed = 9, .size = {320, 192}, .camera = CameraMode::Static, .objects = 0};
  const SyntheticClip clip = SyntheticScene(options).truth(grid_points(options.size));
  int returned = 0;
  for (int64_t n = 0; n < clip.truth.N; ++n) {
    bool hidden = false, back = false;
    for (int64_t f = 0; f < clip.truth.F; ++f) {
      hidden = hidden || !clip.truth.is_visible(f, n);
      back = back || (hidden && clip.truth.is_visible(f, n));
    }
    returned += back && clip.scored[static_cast<size_t>(n)] != 0 ? 1 : 0;
  }
  EXPECT_GT(returned, 10);
}

TEST(Synthetic, ExposureStepsMidway) {
  const SyntheticOptions options = {.seed = 10, .size = {160, 96}, .frames = 20, .gain_jump = -0.3};
  const SyntheticScene scene(options);
  const auto brightness = [&](int f) {
    const Image image = scene.render(f);
    return std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0);
  };
  EXPECT_NEAR(brightness(10) / brightness(9), 0.7, 0.03);
  EXPECT_NEAR(brightness(9) / brightness(8), 1, 0.03);
}

TEST(Synthetic, SuiteCoversWhatUsersFilm) {
  const std::vector<SuiteClip> suite = synthetic_suite();
  EXPECT_GE(suite.size(), 16U);
  std::set<std::string> names;
  std::set<uint64_t> seeds;
  for (const SuiteClip& clip : suite) {
    names.insert(clip.name);
    seeds.insert(clip.options.seed);
    EXPECT_EQ(clip.options.frames, 60);
    EXPECT_EQ(clip.options.size, (Size{640, 384}));
  }
  EXPECT_EQ(names.size(), suite.size());
  EXPECT_EQ(seeds.size(), suite.size());
}

}  // namespace
}  // namespace magma
