#include "magma/mark/clip_videos.h"

#include <gtest/gtest.h>

#include "magma/image/video_reader.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

constexpr Size kFrame{96, 64};
constexpr int64_t kFrames = 5;

ClipResult grey_clip() {
  ClipResult result;
  result.first_frame = Image(kFrame, {120, 120, 120});
  result.tracks.F = kFrames;
  result.tracks.N = 2;
  result.tracks.frame = kFrame;
  for (int64_t f = 0; f < kFrames; ++f) {
    result.tracks.xy.insert(result.tracks.xy.end(), {{20.0F + 12.0F * static_cast<float>(f), 20}, {20, 50}});
    result.tracks.visible.insert(result.tracks.visible.end(), {1, 1});
  }
  ClipMarks& marks = result.record.marks;
  marks.stabilised = result.tracks;
  for (const int point : {0, 1}) {
    Mark mark;
    mark.id = point + 1;
    mark.moving = point == 0;
    mark.point = point;
    mark.position = result.tracks.at(0, point);
    marks.marks.push_back(mark);
  }
  return result;
}

// How far from grey the luma of each frame is around the place where the walking point ends.
std::vector<int> contrast_at_the_end_of_the_walk(const Path& path) {
  const auto video = open_video(path);
  std::vector<int> contrasts;
  while (const DecodedFrame* frame = video->next()) {
    EXPECT_EQ(frame->size, kFrame);
    int most = 0;
    for (int x = 64; x < 72; ++x) {
      const int grey = frame->plane[0][10 * frame->stride[0] + 48];
      most = std::max(most, std::abs(frame->plane[0][20 * frame->stride[0] + x] - grey));
    }
    contrasts.push_back(most);
  }
  return contrasts;
}

TEST(ClipVideos, LastAsLongAsTheShotAndNineHeldFrames) {
  TemporaryFolder folder;
  ClipVideos videos(folder.path(), "walk");
  const ClipResult clip = grey_clip();
  videos.shot_begins(3);
  for (int repeat = 0; repeat < 2; ++repeat) {
    for (int64_t f = 0; f < kFrames; ++f) videos.frame(f, clip.first_frame, clip.tracks);
    videos.clip(clip);
  }
  videos.shot_ends();
  for (const char* name : {"orig_trace.mp4", "som_tom.mp4"}) {
    const std::vector<int> seen = contrast_at_the_end_of_the_walk(folder.path() / "walk-s003" / name);
    ASSERT_EQ(seen.size(), size_t{2 * kFrames + 9}) << name;
    EXPECT_LT(seen[0], 12) << name;  // held: nothing has walked yet
    EXPECT_LT(seen[9], 12) << name;
    EXPECT_GT(seen[13], 30) << name;  // end of the first clip
    EXPECT_LT(seen[14], 12) << name << ": the second clip starts without the traces of the first";
    EXPECT_GT(seen[18], 30) << name;
  }
}

TEST(MarkedImage, OfAnotherSizeHasItsMarksScaled) {
  const ClipResult clip = grey_clip();
  const Image twice = marked_image(Image({192, 128}), clip.record.marks);
  EXPECT_EQ(twice.at(38, 40).r, 255);  // x' = (20 + 0.5) * 2 - 0.5
  EXPECT_EQ(twice.at(20, 20).r, 0);
}

}  // namespace
}  // namespace magma
