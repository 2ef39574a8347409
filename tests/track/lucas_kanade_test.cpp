#include <gtest/gtest.h>

#include "magma/core/random.h"
#include "magma/track/tracker.h"

namespace magma {
namespace {

constexpr Size kFrame = {160, 120};

// A square of coarse random cells over grey, its corner at (20 + 2f, 30 + f).
Planes square_frame(int f) {
  Planes planes;
  planes.luma = GreyImage(kFrame, 110);
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 40; ++x) {
      const uint64_t cell = static_cast<uint64_t>((y / 4) * 10 + x / 4);
      const int px = 20 + 2 * f + x, py = 30 + f + y;
      if (px < kFrame.w && py < kFrame.h) planes.luma.row(py)[px] = static_cast<uint8_t>(Rng(cell).next() % 200);
    }
  }
  return planes;
}

PointTracks track_square(const std::vector<Query>& queries, int num_frames) {
  std::vector<Planes> frames;
  for (int f = 0; f < num_frames; ++f) frames.push_back(square_frame(f));
  const auto tracker = Trackers::make("lucas_kanade", TrackerOptions{});
  return track_clip(*tracker, queries, frames);
}

TEST(LucasKanade, FollowsATranslatingSquareWithinAPixel) {
  const PointTracks tracks = track_square({{0, {40, 50}}, {0, {32, 44}}}, 20);
  ASSERT_EQ(tracks.F, 20);
  for (int64_t f = 0; f < 20; ++f) {
    for (int64_t n = 0; n < 2; ++n) {
      const Point step = {2 * static_cast<float>(f), static_cast<float>(f)};
      EXPECT_TRUE(tracks.is_visible(f, n));
      EXPECT_LT(norm(tracks.at(f, n) - tracks.at(0, n) - step), 1) << "frame " << f;
    }
  }
}

TEST(LucasKanade, PointWaitsForItsQueryFrame) {
  const PointTracks tracks = track_square({{3, {46, 53}}}, 6);
  for (int64_t f = 0; f < 3; ++f) {
    EXPECT_FALSE(tracks.is_visible(f, 0));
    EXPECT_EQ(tracks.at(f, 0), (Point{46, 53}));
  }
  EXPECT_TRUE(tracks.is_visible(3, 0));
  EXPECT_LT(norm(tracks.at(5, 0) - Point{50, 55}), 1);
}

TEST(LucasKanade, LostPointStaysWhereItWas) {
  const PointTracks tracks = track_square({{0, {50, 50}}}, 75);
  int64_t lost = 0;
  while (lost < tracks.F && tracks.is_visible(lost, 0)) ++lost;
  ASSERT_GT(lost, 40);
  ASSERT_LT(lost, 70) << "the square has left the frame by then";
  for (int64_t f = lost; f < tracks.F; ++f) {
    EXPECT_FALSE(tracks.is_visible(f, 0));
    EXPECT_EQ(tracks.at(f, 0), tracks.at(lost - 1, 0));
    EXPECT_EQ(tracks.confidence[static_cast<size_t>(f)], 0);
  }
}

}  // namespace
}  // namespace magma
