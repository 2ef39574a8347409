#include <set>

#include <gmock/gmock.h>

#include "magma/mark/clip_marks.h"
#include "magma/mark/reference_procedure.h"
#include "tests/mark/track_scene.h"

namespace magma {
namespace {

ClipMarks make(const char* variant, const PointTracks& tracks, int64_t seed = 0) {
  MarkConfig config;
  config.variant = variant;
  config.seed = seed;
  return MarkProcedures::make(variant)->make({"clip", &tracks, {}, 30}, config);
}

TrackScene scene_with_objects(float speed) {
  TrackScene scene;
  scene.side = 15;
  for (const int64_t n : {48, 49, 63, 64, 150, 151, 165, 166}) scene.velocity[n] = {speed, 0};
  return scene;
}

TEST(Variants, DemoDropsTwentyFramesAndKeepsTheSpeedsFromBeforeCameraRemoval) {
  TrackScene scene = scene_with_objects(4);
  scene.camera = [](int64_t t) { return pan(-2.5F * static_cast<float>(t), 0); };
  const ClipMarks marks = make("demo", scene.tracks());
  EXPECT_EQ(marks.marked_frame, 20);
  EXPECT_TRUE(marks.camera.moving);
  EXPECT_EQ(marks.split.kind[0], PointKind::Moving);   // 2.5 px before removal
  EXPECT_EQ(marks.split.kind[48], PointKind::Static);  // 1.5 px before, 4 after
  EXPECT_NEAR(magma::apply(std::as_const(marks.camera.to_first[30]), Point{100, 100}).x, 125, 0.1);
}

TEST(Variants, VideoStartsAtARandomFrameOfTheFirstHalfOfTheMotion) {
  const PointTracks tracks = scene_with_objects(4).tracks();
  std::set<int64_t> starts;
  for (int64_t seed = 0; seed < 40; ++seed) {
    const ClipMarks marks = make("video", tracks, seed);
    EXPECT_EQ(marks.status, "ok");
    EXPECT_LT(marks.marked_frame, 20);
    starts.insert(marks.marked_frame);
    for (const Mark& mark : marks.marks) EXPECT_EQ(mark.position, tracks.at(marks.marked_frame, mark.point));
  }
  EXPECT_GT(starts.size(), 8U);
}

TEST(Variants, VideoNeedsTwoPointsFasterThanThreePixelsAFrame) {
  EXPECT_EQ(make("video", scene_with_objects(3.2F).tracks()).status, "ok");
  EXPECT_EQ(make("video", scene_with_objects(2.8F).tracks()).status, "som_only");
}

TEST(Variants, RobotFloorsTheTracksOfASmallSquareFrame) {
  const ClipMarks marks = make("robot", scene_with_objects(3).tracks());
  ASSERT_EQ(marks.status, "ok");
  EXPECT_EQ(marks.marked_frame, 0);
  for (const Mark& mark : marks.marks) {
    const Point small = rescale(mark.position, {640, 384}, {256, 256});
    EXPECT_EQ(mark.cell, (std::array<int, 2>{static_cast<int>(std::floor(small.x * 2)) / 2,
                                             static_cast<int>(std::floor(small.y * 2)) / 2}));
  }
}

TEST(Variants, ClusterCountsLieInTheRangesOfTheTable) {
  const PointTracks tracks = scene_with_objects(4).tracks();
  std::set<int> robot_static, video_moving, video_static;
  for (int64_t seed = 0; seed < 60; ++seed) {
    const ClipMarks robot = make("robot", tracks, seed);
    robot_static.insert(robot.clusters_static);
    EXPECT_LE(robot.clusters_moving, 4);
    const ClipMarks video = make("video", tracks, seed);
    video_moving.insert(video.clusters_moving);
    video_static.insert(video.clusters_static);
  }
  EXPECT_EQ(robot_static, (std::set<int>{4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(video_moving, (std::set<int>{2, 3, 4, 5}));
  EXPECT_EQ(*video_static.begin(), 6);
  EXPECT_EQ(*video_static.rbegin(), 14);
}

TEST(Variants, PlacesOnlyMarksOfTheReferenceMayRepeatAPoint) {
  TrackScene scene;
  scene.side = 2;
  const ClipMarks marks = make("robot", scene.tracks());
  EXPECT_EQ(marks.status, "som_only");
  EXPECT_GE(marks.marks.size(), 6U);  // of four points
}

TEST(Variants, EgoCentricDataAlwaysLosesItsCamera) {
  const PointTracks tracks = scene_with_objects(4).tracks();
  EXPECT_FALSE(make_reference_marks({"clip", &tracks, {}, 30}, {}, {}).camera.moving);
  const ClipMarks marks = make_reference_marks({"clip", &tracks, {}, 30}, {}, {.always_remove_camera = true});
  EXPECT_TRUE(marks.camera.moving);
  EXPECT_EQ(marks.status, "ok");
}

TEST(Variants, TracesMayKeepTheStepsThatStandStill) {
  TrackScene scene = scene_with_objects(0);
  PointTracks tracks = scene.tracks();
  for (const int64_t n : {48, 49, 63, 64}) {  // 20 frames still, then 10 px a frame: 4 cells
    for (int64_t t = 20; t < 40; ++t) tracks.at(t, n).x += 10 * static_cast<float>(t - 20);
  }
  const ClipMarks thin = make_reference_marks({"clip", &tracks, {}, 30}, {}, {});
  const ClipMarks whole = make_reference_marks({"clip", &tracks, {}, 30}, {}, {.keep_still_steps = true});
  ASSERT_FALSE(thin.traces.empty());
  EXPECT_EQ(thin.traces[0].steps, 19);
  EXPECT_EQ(whole.traces[0].steps, 39);
  EXPECT_EQ(whole.traces[0].cells[19], whole.traces[0].cells[0]);
  EXPECT_NEAR(thin.mean_speed_cells, 4, 1e-3);
  EXPECT_DOUBLE_EQ(whole.mean_speed_cells, thin.mean_speed_cells);
}

}  // namespace
}  // namespace magma
