#include "magma/mark/moving_points.h"

#include <gmock/gmock.h>

#include "magma/core/random.h"
#include "magma/mark/clip_marks.h"
#include "tests/mark/track_scene.h"

namespace magma {
namespace {

PointSplit split(const PointTracks& tracks, double fps = 30) {
  const CameraMotion camera = estimate_camera(tracks, {}, fps);
  return split_points({"clip", &tracks, {}, fps}, stabilise(tracks, camera), camera, {});
}

TEST(MovingPoints, MoversAreFoundUnderAMovingCamera) {
  TrackScene scene;
  scene.camera = hand_held;
  scene.velocity = {{40, {1.5F, 0}}, {41, {1.5F, 0}}, {90, {-2, 1}}};
  const PointSplit result = split(scene.tracks());
  for (int64_t n = 0; n < 144; ++n) {
    const bool moves = scene.velocity.contains(n);
    EXPECT_EQ(result.kind[static_cast<size_t>(n)], moves ? PointKind::Moving : PointKind::Static) << n;
  }
  EXPECT_NEAR(result.speed[40], 1.5, 0.01);
  EXPECT_GE(result.evidence[40], 1.4F);
}

TEST(MovingPoints, NothingMovesWhereOnlyTheCameraDoesHoweverNoisyTheTracks) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    TrackScene scene;
    scene.camera = hand_held;
    PointTracks tracks = scene.tracks();
    Rng rng(seed);
    for (Point& p : tracks.xy)
      p = p + Point{static_cast<float>(0.5 * rng.normal()), static_cast<float>(0.5 * rng.normal())};
    EXPECT_THAT(split(tracks).kind, testing::Each(testing::Ne(PointKind::Moving)));
  }
}

TEST(MovingPoints, APersonWhoIsLostSoonMovesWhereTheCameraStandsStill) {
  TrackScene scene;
  scene.frames = 80;
  scene.velocity = {{50, {2, 0}}, {90, {0, 2}}};  // slow for 10 frames a second
  PointTracks tracks = scene.tracks();
  for (int64_t t = 6; t < 80; ++t) {
    hide(tracks, t, 50, {});
    hide(tracks, t, 90, {});
  }
  const PointSplit still = split(tracks, 10);
  EXPECT_EQ(still.kind[50], PointKind::Moving);
  EXPECT_EQ(still.kind[90], PointKind::Moving);
  for (int64_t t = 3; t < 6; ++t) hide(tracks, t, 50, {});  // two steps are no run
  EXPECT_EQ(split(tracks, 10).kind[50], PointKind::Unknown);
}

TEST(MovingPoints, APointThatRestsForLongAndIsThenDraggedAwayIsUndecided) {
  TrackScene scene;
  PointTracks tracks = scene.tracks();
  for (int64_t t = 25; t < scene.frames; ++t) tracks.at(t, 60).x += 6 * static_cast<float>(t - 24);
  EXPECT_EQ(split(tracks).kind[60], PointKind::Unknown);
}

TEST(MovingPoints, AnUnsurePointNeedsCompany) {
  TrackScene scene;
  scene.velocity = {{40, {2, 0}}, {41, {2, 0}}, {42, {2, 0}}, {90, {2, 0}}};
  PointTracks tracks = scene.tracks();
  for (int64_t t = 0; t < scene.frames; ++t) {
    for (const int64_t n : {40, 90}) tracks.confidence[static_cast<size_t>(t * tracks.N + n)] = 0.5F;
  }
  const PointSplit result = split(tracks);
  EXPECT_EQ(result.kind[40], PointKind::Moving);
  EXPECT_EQ(result.kind[90], PointKind::Unknown);
}

TEST(MovingPoints, PointsHiddenMostOfTheTimeHaveAKindButNoMark) {
  TrackScene scene;
  scene.velocity = {{40, {2, 0}}, {90, {2, 0}}, {91, {2, 0}}};
  PointTracks tracks = scene.tracks();
  for (int64_t t = 10; t < scene.frames; ++t) {
    for (const int64_t n : {40, 70}) hide(tracks, t, n, {});
  }
  for (int64_t t = 2; t < scene.frames; ++t) hide(tracks, t, 71, {});
  const PointSplit result = split(tracks);
  EXPECT_EQ(result.kind[40], PointKind::Moving);
  EXPECT_EQ(result.kind[70], PointKind::Static);
  EXPECT_EQ(result.kind[71], PointKind::Unknown) << "two frames say nothing";
  for (const size_t n : {40, 70, 71}) EXPECT_EQ(result.worth[n], MarkWorth::None);
  EXPECT_EQ(result.worth[90], MarkWorth::Good);
}

TEST(MovingPoints, APointThatIsFoundElsewhereAfterARestIsUndecided) {
  TrackScene scene;
  PointTracks tracks = scene.tracks();
  for (int64_t t = 4; t < 8; ++t) hide(tracks, t, 60, tracks.at(t, 60));
  for (int64_t t = 8; t < scene.frames; ++t) tracks.at(t, 60).x += 6 * static_cast<float>(t);
  EXPECT_EQ(split(tracks).kind[60], PointKind::Unknown);
}

TEST(MovingPoints, AnUnsurePointUnderAMovingCameraIsNoMark) {
  TrackScene scene;
  scene.camera = hand_held;
  scene.velocity = {{40, {2, 0}}, {41, {2, 0}}, {90, {2, 0}}};
  PointTracks tracks = scene.tracks();
  for (int64_t t = 0; t < scene.frames; ++t) {
    for (const int64_t n : {40, 41, 90}) tracks.confidence[static_cast<size_t>(t * tracks.N + n)] = 0.95F;
  }
  const PointSplit result = split(tracks);
  EXPECT_EQ(result.worth[40], MarkWorth::Good) << "in company";
  EXPECT_EQ(result.kind[90], PointKind::Moving);
  EXPECT_EQ(result.worth[90], MarkWorth::Doubtful);
}

TEST(MovingPoints, PointsWithoutTextureAreNoWitnessesOfMotion) {
  TrackScene scene;
  scene.velocity = {{40, {2, 0}}, {41, {2, 0}}};
  const PointTracks tracks = scene.tracks();
  std::vector<float> quality(static_cast<size_t>(tracks.N), 0.5F);
  quality[40] = 0.01F;
  const CameraMotion camera = estimate_camera(tracks, {}, 30);
  const PointSplit result = split_points({"clip", &tracks, quality, 30}, stabilise(tracks, camera), camera, {});
  EXPECT_EQ(result.kind[40], PointKind::Unknown);
  EXPECT_EQ(result.kind[41], PointKind::Moving);
}

TEST(MovingPoints, OneAndTwoFramesAreEnough) {
  for (const int64_t frames : {1, 2}) {
    TrackScene scene;
    scene.frames = frames;
    EXPECT_THAT(split(scene.tracks()).kind, testing::Each(PointKind::Static));
  }
}

}  // namespace
}  // namespace magma
