#include <algorithm>
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "magma/core/random.h"
#include "magma/track/tracker.h"

namespace magma {
namespace {

constexpr Size kFrame = {160, 120};

// Smooth noise that can be sampled anywhere: cells of 6 px, cosine-blended.
class Texture {
 public:
  Texture(uint64_t seed, double contrast) : contrast_(contrast) {
    Rng rng(seed);
    for (double& value : grid_) value = rng.uniform(-1, 1);
  }
  double at(double x, double y) const {
    const double u = x / 6 + 1000, v = y / 6 + 1000;
    const double fu = blend(u - std::floor(u)), fv = blend(v - std::floor(v));
    const auto i = static_cast<int64_t>(u), j = static_cast<int64_t>(v);
    const double above = cell(i, j) * (1 - fu) + cell(i + 1, j) * fu;
    return contrast_ * (above * (1 - fv) + (cell(i, j + 1) * (1 - fu) + cell(i + 1, j + 1) * fu) * fv);
  }

 private:
  static constexpr int64_t kSide = 64;
  static double blend(double t) { return t * t * (3 - 2 * t); }
  double cell(int64_t i, int64_t j) const { return grid_[static_cast<size_t>((j % kSide) * kSide + i % kSide)]; }
  double contrast_;
  std::vector<double> grid_ = std::vector<double>(kSide * kSide);
};

Planes paint(const std::function<double(int, int)>& luma, Size size = kFrame) {
  Planes planes;
  planes.luma = GreyImage(size);
  planes.u = planes.v = GreyImage({(size.w + 1) / 2, (size.h + 1) / 2}, 128);
  for (int y = 0; y < size.h; ++y) {
    for (int x = 0; x < size.w; ++x) {
      planes.luma.row(y)[x] = static_cast<uint8_t>(std::lround(std::clamp(luma(x, y), 0.0, 255.0)));
    }
  }
  return planes;
}

std::vector<Query> grid(Size size = kFrame, int side = 7) {
  std::vector<Query> queries;
  for (int i = 0; i < side * side; ++i) {
    const float x = static_cast<float>(i % side + 1) / static_cast<float>(side + 1);
    const float y = static_cast<float>(i / side + 1) / static_cast<float>(side + 1);
    queries.push_back({0, {x * static_cast<float>(size.w - 1), y * static_cast<float>(size.h - 1)}});
  }
  return queries;
}

std::vector<TrackRow> track(const std::vector<Query>& queries, const std::vector<Planes>& frames, int threads = 1) {
  const auto tracker = Trackers::make("classical", {.fps = 30, .threads = threads});
  std::vector<TrackRow> rows;
  tracker->begin(queries, [&](const TrackRow& row) { rows.push_back(row); });
  for (const Planes& frame : frames) tracker->push(frame);
  tracker->finish();
  return rows;
}

// A still background with a square of another texture that moves by (2.3, 1.1) px a frame, and one that covers it.
std::vector<Planes> moving_square(int F) {
  const Texture background(1, 70), square(2, 70);
  std::vector<Planes> frames;
  for (int f = 0; f < F; ++f) {
    const double left = 20 + 2.3 * f, top = 30 + 1.1 * f;
    frames.push_back(paint([&](int x, int y) {
      const bool in_square = x >= left && x < left + 48 && y >= top && y < top + 48;
      return in_square ? 150 + square.at(x - left, y - top) : 110 + background.at(x, y);
    }));
  }
  return frames;
}

TEST(ClassicalTracker, FollowsAMovingSquareWithinOnePixel) {
  const std::vector<Query> queries = {{0, {44, 54}}, {0, {36, 46}}, {0, {54, 62}}, {0, {130, 20}}};
  const std::vector<TrackRow> rows = track(queries, moving_square(20));
  ASSERT_EQ(rows.size(), 20U);
  for (size_t n = 0; n < queries.size(); ++n) {
    const Point shift = n < 3 ? Point{2.3F * 19, 1.1F * 19} : Point{0, 0};
    EXPECT_LT(norm(rows[19].xy[n] - (queries[n].point + shift)), 1.0F) << n;
    EXPECT_EQ(rows[19].visible[n], 1) << n;
    EXPECT_GT(rows[19].confidence[n], 0.5F) << n;
  }
}

TEST(ClassicalTracker, GivesTheSameBitsForAnyNumberOfThreads) {
  const std::vector<Planes> frames = moving_square(12);
  const std::vector<TrackRow> one = track(grid(), frames, 1);
  for (const int threads : {2, 5}) {
    const std::vector<TrackRow> many = track(grid(), frames, threads);
    ASSERT_EQ(many.size(), one.size());
    for (size_t f = 0; f < one.size(); ++f) {
      EXPECT_EQ(many[f].xy, one[f].xy);
      EXPECT_EQ(many[f].visible, one[f].visible);
      EXPECT_EQ(many[f].confidence, one[f].confidence);
      EXPECT_EQ(many[f].quality, one[f].quality);
    }
  }
}

TEST(ClassicalTracker, KeepsPointsThroughAnExposureJump) {
  const Texture texture(3, 60);
  std::vector<Planes> frames;
  for (int f = 0; f < 12; ++f) {
    const double gain = f < 6 ? 1.0 : 1.4;
    frames.push_back(paint([&](int x, int y) { return gain * (110 + texture.at(x - 1.5 * f, y)); }));
  }
  const std::vector<Query> queries = {{0, {40, 40}}, {0, {60, 60}}, {0, {80, 80}}, {0, {60, 30}}, {0, {90, 50}},
                                      {0, {30, 80}}, {0, {70, 45}}, {0, {50, 70}}, {0, {45, 55}}};
  const std::vector<TrackRow> rows = track(queries, frames);
  for (size_t n = 0; n < queries.size(); ++n) {
    EXPECT_EQ(rows[11].visible[n], 1) << n;
    EXPECT_LT(norm(rows[11].xy[n] - queries[n].point - Point{16.5F, 0}), 1.0F) << n;
  }
}

// A bar crosses the picture; the background moves too.
TEST(ClassicalTracker, LosesAnOccludedPointAndFindsItAgain) {
  const Texture background(4, 70), bar(5, 70);
  std::vector<Planes> frames;
  for (int f = 0; f < 40; ++f) {
    const double left = -50 + 6.0 * f;
    frames.push_back(paint([&](int x, int y) {
      return x >= left && x < left + 36 ? 150 + bar.at(x - left, y) : 100 + background.at(x + 0.5 * f, y);
    }));
  }
  std::vector<Query> queries = grid();
  queries.push_back({0, {90, 64}});
  const size_t last = queries.size() - 1;
  const std::vector<TrackRow> rows = track(queries, frames);
  EXPECT_EQ(rows[19].visible[last], 0);  // the bar covers 64 .. 100
  EXPECT_EQ(rows[19].confidence[last], 0.0F);
  EXPECT_LT(norm(rows[19].xy[last] - Point{80.5F, 64}), 4.0F);  // it moves with its own side
  EXPECT_EQ(rows[39].visible[last], 1);
  EXPECT_LT(norm(rows[39].xy[last] - Point{70.5F, 64}), 1.0F);
}

TEST(ClassicalTracker, CarriesATexturelessPointWithItsNeighbours) {
  const Texture background(6, 60);
  std::vector<Planes> frames;
  for (int f = 0; f < 15; ++f) {
    frames.push_back(paint([&](int x, int y) {
      const double u = x - 2.0 * f;
      return std::hypot(u - 60, y - 60.0) < 18 ? 120.0 : 110 + background.at(u, y);
    }));
  }
  std::vector<Query> queries = grid();
  queries.push_back({0, {60, 60}});
  const std::vector<TrackRow> rows = track(queries, frames);
  EXPECT_EQ(rows[14].visible.back(), 1);
  EXPECT_LT(norm(rows[14].xy.back() - Point{88, 60}), 2.0F);
  EXPECT_LT(rows[0].quality.back(), 0.1F);
  EXPECT_GT(rows[0].quality.front(), 0.3F);
}

TEST(ClassicalTracker, LosesEverythingInABlackFrameAndRecovers) {
  std::vector<Planes> frames = moving_square(14);
  frames[6] = paint([](int, int) { return 0.0; });
  const std::vector<TrackRow> rows = track({{0, {130, 20}}, {0, {120, 100}}, {0, {100, 20}}}, frames);
  for (size_t n = 0; n < 3; ++n) {
    EXPECT_EQ(rows[6].visible[n], 0) << n;
    EXPECT_EQ(rows[13].visible[n], 1) << n;
  }
}

TEST(ClassicalTracker, StartsAPointInItsOwnFrame) {
  const std::vector<TrackRow> rows = track({{0, {130, 20}}, {5, {120, 100}}}, moving_square(8));
  EXPECT_EQ(rows[4].visible[1], 0);
  EXPECT_EQ(rows[4].confidence[1], 0.0F);
  EXPECT_EQ(rows[4].xy[1], (Point{120, 100}));
  EXPECT_EQ(rows[5].visible[1], 1);
  EXPECT_EQ(rows[7].visible[1], 1);
}

TEST(ClassicalTracker, TakesTinyFramesSingleFramesAndNoPoints) {
  const Size tiny = {16, 16};
  const Texture texture(7, 60);
  const Planes frame = paint([&](int x, int y) { return 110 + texture.at(x, y); }, tiny);
  EXPECT_EQ(track(grid(tiny, 3), {frame, frame, frame}).size(), 3U);
  EXPECT_EQ(track(grid(), moving_square(1)).size(), 1U);
  EXPECT_EQ(track({}, moving_square(2)).size(), 2U);
}

}  // namespace
}  // namespace magma
