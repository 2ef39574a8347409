#include "magma/mark/clip_split.h"

#include <gtest/gtest.h>

namespace magma {
namespace {

TEST(ClipSplit, ClipsCoverTheShotAndDifferByAtMostOneFrame) {
  for (int64_t longest : {1, 2, 7, 16, 96}) {
    for (int64_t length = 1; length <= 400; ++length) {
      const std::vector<FrameRange> clips = split_clips({1000, 1000 + length}, longest);
      ASSERT_EQ(static_cast<int64_t>(clips.size()), (length + longest - 1) / longest);
      int64_t next = 1000;
      for (const FrameRange& clip : clips) {
        ASSERT_EQ(clip.first, next);
        next = clip.last;
        ASSERT_LE(clip.count(), longest);
        ASSERT_LE(clips.front().count() - clip.count(), 1);
        ASSERT_GE(clip.count(), clips.back().count());
      }
      ASSERT_EQ(next, 1000 + length);
    }
  }
}

TEST(ClipSplit, LongerClipsComeFirst) {
  const std::vector<FrameRange> expected = {{5, 73}, {73, 140}, {140, 207}};
  EXPECT_EQ(split_clips({5, 207}, 96), expected);
  EXPECT_EQ(split_clips({5, 101}, 96), (std::vector<FrameRange>{{5, 101}}));
}

TEST(ClipSplit, WindowsAreWholeAndStayInsideTheShot) {
  EXPECT_EQ(split_windows({10, 57}), (std::vector<FrameRange>{{10, 26}, {26, 42}}));
  EXPECT_EQ(split_windows({10, 58}), (std::vector<FrameRange>{{10, 26}, {26, 42}, {42, 58}}));
  EXPECT_TRUE(split_windows({10, 25}).empty());
}

}  // namespace
}  // namespace magma
