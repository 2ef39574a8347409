#include "magma/mark/camera_motion.h"

#include <gmock/gmock.h>

#include "magma/mark/clip_marks.h"
#include "tests/mark/track_scene.h"

namespace magma {
namespace {

// Largest distance between where `camera` and the truth put frame 0's grid points back, px.
double worst_error(const CameraMotion& camera, const TrackScene& scene) {
  double worst = 0;
  for (int64_t t = 0; t < scene.frames; ++t) {
    for (int64_t n = 0; n < int64_t{scene.side} * scene.side; ++n) {
      const Point seen = magma::apply(scene.camera(t), scene.place(n));
      worst = std::max(worst, transfer_error(camera.to_first[static_cast<size_t>(t)], seen, scene.place(n)));
    }
  }
  return worst;
}

// Points of a compact block of the grid, all with one motion.
std::map<int64_t, Point> block(int side, int columns, int rows, Point velocity) {
  std::map<int64_t, Point> result;
  for (int y = 0; y < rows; ++y) {
    for (int x = 0; x < columns; ++x) result[int64_t{y + 1} * side + x + 1] = velocity;
  }
  return result;
}

TEST(CameraMotion, ExactTracksComeBackToAThousandthOfAPixel) {
  TrackScene scene;
  scene.camera = hand_held;
  const CameraMotion camera = estimate_camera(scene.tracks(), {}, 30);
  EXPECT_TRUE(camera.moving);
  EXPECT_FALSE(camera.rejected);
  EXPECT_LT(worst_error(camera, scene), 0.01);
}

TEST(CameraMotion, ObjectsOnAThirdOfThePointsLeaveNoTraceInTheFit) {
  TrackScene scene;
  scene.camera = hand_held;
  scene.velocity = block(scene.side, 8, 6, {2.5F, 1});
  const CameraMotion camera = estimate_camera(scene.tracks(), {}, 30);
  EXPECT_LT(worst_error(camera, scene), 0.01);
  EXPECT_LT(camera.background_residual_px, 0.01);
  for (const auto& [n, velocity] : scene.velocity) EXPECT_EQ(camera.background[static_cast<size_t>(n)], 0) << n;
}

TEST(CameraMotion, TheGroupThatSpansThePictureIsTheBackgroundEvenWhenAnObjectHasMorePoints) {
  TrackScene scene;
  scene.camera = hand_held;
  scene.velocity = block(scene.side, 9, 9, {3, -1});  // 81 of 144
  const CameraMotion camera = estimate_camera(scene.tracks(), {}, 30);
  EXPECT_LT(worst_error(camera, scene), 0.01);
  EXPECT_TRUE(camera.ambiguous);
}

TEST(CameraMotion, AStillCameraStaysStillBehindALargeObject) {
  TrackScene scene;
  scene.velocity = block(scene.side, 10, 9, {3, 0});  // 90 of 144
  const CameraMotion camera = estimate_camera(scene.tracks(), {}, 30);
  EXPECT_FALSE(camera.moving);
  EXPECT_THAT(camera.to_first, testing::Each(kIdentity));
}

TEST(CameraMotion, ABackgroundThatSurroundsAnObjectOfSixTimesItsPointsIsFound) {
  TrackScene scene;
  scene.side = 15;
  for (int64_t n = 0; n < 225; ++n) {
    if (n % 15 != 0 && n % 15 != 14) scene.velocity[n] = {3, 0};  // all but 30 points, left and right of it
  }
  const CameraMotion camera = estimate_camera(scene.tracks(), {}, 30);
  EXPECT_FALSE(camera.moving);
  EXPECT_TRUE(camera.ambiguous);
}

TEST(CameraMotion, EveryClipHasOneMatrixPerFrameHoweverFewItsPoints) {
  for (const int side : {0, 1, 2, 3}) {
    for (const int64_t frames : {1, 2, 7}) {
      TrackScene scene;
      scene.side = side == 1 ? 2 : side;
      scene.frames = frames;
      scene.camera = [](int64_t t) { return pan(4 * static_cast<float>(t), 0); };
      PointTracks tracks = scene.tracks();
      if (side == 1) {  // three points
        for (int64_t t = 0; t < frames; ++t) hide(tracks, t, 3, {});
      }
      const CameraMotion camera = estimate_camera(tracks, {}, 30);
      EXPECT_EQ(camera.to_first.size(), static_cast<size_t>(frames));
      EXPECT_EQ(camera.status.size(), static_cast<size_t>(frames));
      EXPECT_EQ(camera.inlier_share.size(), static_cast<size_t>(frames));
    }
  }
}

TEST(CameraMotion, TooFewPointsAreChainedBySimilarityAndTheClipIsRejected) {
  TrackScene scene;
  scene.side = 2;
  scene.camera = [](int64_t t) { return pan(4 * static_cast<float>(t), static_cast<float>(t)); };
  const CameraMotion camera = estimate_camera(scene.tracks(), {}, 30);
  EXPECT_TRUE(camera.rejected);
  EXPECT_EQ(camera.status[5], FitStatus::Chained);
  EXPECT_LT(worst_error(camera, scene), 0.01);
}

TEST(CameraMotion, ChainedFramesThatTheBackgroundBearsOutAreNoReasonToReject) {
  TrackScene scene;
  scene.side = 3;
  scene.camera = [](int64_t t) { return pan(4 * static_cast<float>(t), static_cast<float>(t)); };
  const CameraMotion camera = estimate_camera(scene.tracks(), {}, 30);
  EXPECT_EQ(camera.status[5], FitStatus::Chained);
  EXPECT_FALSE(camera.rejected);
  EXPECT_LT(worst_error(camera, scene), 0.01);
}

TEST(CameraMotion, ALogoIsNoBackground) {
  TrackScene scene;
  scene.camera = hand_held;
  PointTracks tracks = scene.tracks();
  for (int64_t t = 1; t < tracks.F; ++t) {
    for (int64_t n = 0; n < 30; ++n) tracks.at(t, n) = tracks.at(0, n);
  }
  const CameraMotion camera = estimate_camera(tracks, {}, 30);
  EXPECT_TRUE(camera.moving);
  EXPECT_LT(worst_error(camera, scene), 0.01);
  const PointSplit split = split_points({"clip", &tracks, {}, 30}, stabilise(tracks, camera), camera, {});
  EXPECT_THAT(split.kind, testing::Each(testing::Ne(PointKind::Moving)));
}

TEST(CameraMotion, TheEightyPercentRuleOfTheReferenceCanBeChosen) {
  TrackScene scene;
  scene.camera = [](int64_t t) { return pan(0.5F * static_cast<float>(t), 0); };  // half a pixel a frame
  MarkConfig config;
  EXPECT_TRUE(estimate_camera(scene.tracks(), config, 30).moving);
  config.camera_rule = "magma";
  EXPECT_FALSE(estimate_camera(scene.tracks(), config, 30).moving);
}

TEST(CameraMotion, ABackgroundThatIsNoPlaneIsFoundWithAWiderThreshold) {
  TrackScene scene;
  PointTracks tracks = scene.tracks();
  for (int64_t t = 0; t < tracks.F; ++t) {
    for (int64_t n = 0; n < tracks.N; ++n) {  // depth by a fixed disorder: near points pass faster
      const float depth = 1 + 0.05F * static_cast<float>((n * 7919) % 13);
      tracks.at(t, n) = tracks.at(t, n) + Point{-0.5F * static_cast<float>(t) * depth, 0};
    }
  }
  const CameraMotion camera = estimate_camera(tracks, {}, 30);
  EXPECT_FALSE(camera.rejected);
  EXPECT_GE(std::count(camera.background.begin(), camera.background.end(), 1),
            15);  // a tenth, not the twelve of a failure
  EXPECT_THAT(split_points({"clip", &tracks, {}, 30}, stabilise(tracks, camera), camera, {}).kind,
              testing::Each(testing::Ne(PointKind::Moving)));
}

TEST(CameraMotion, StabilisedTracksOfTheBackgroundStandStill) {
  TrackScene scene;
  scene.camera = hand_held;
  const PointTracks tracks = scene.tracks();
  const PointTracks stabilised = stabilise(tracks, estimate_camera(tracks, {}, 30));
  for (int64_t n = 0; n < tracks.N; ++n) {
    EXPECT_LT(norm(stabilised.at(tracks.F - 1, n) - tracks.at(0, n)), 0.01F);
  }
  EXPECT_EQ(stabilised.visible, tracks.visible);
}

}  // namespace
}  // namespace magma
