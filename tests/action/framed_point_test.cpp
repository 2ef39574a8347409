#include "magma/action/framed_point.h"

#include <cmath>

#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/core/random.h"

namespace magma {
namespace {

const FrameSizes kSizes{.original = {1920, 1080}, .model_input = {1024, 1024}};

TEST(FramedPoint, FramesAreScalings) {
  const FramedPoint middle{Frame::Relative, 0.5, 0.25};
  const FramedPoint original = in_frame(middle, Frame::Original, kSizes);
  EXPECT_EQ(original.x, 960);
  EXPECT_EQ(original.y, 270);
  EXPECT_EQ(in_frame(original, Frame::ModelInput, kSizes).y, 256);
  EXPECT_EQ(in_frame({Frame::Grid, 128, 64}, Frame::Original, kSizes).x, 960);
  EXPECT_EQ(in_frame({Frame::Original, 1919.5, 0.5}, Frame::Grid, kSizes).x, 255);
}

TEST(FramedPoint, EveryCellComesBackThroughEveryPictureSize) {
  Rng rng(2);
  for (int k = 0; k < 300; ++k) {
    const FrameSizes sizes{.original = {static_cast<int>(rng.integer(1, 9000)), static_cast<int>(rng.integer(1, 9000))},
                           .model_input = {512 * static_cast<int>(rng.integer(1, 4)), 512}};
    for (int cell = 0; cell < kGridSide; ++cell) {
      for (const Frame frame : {Frame::Original, Frame::ModelInput, Frame::Relative}) {
        const FramedPoint there = in_frame({Frame::Grid, static_cast<double>(cell), 255.0 - cell}, frame, sizes);
        const FramedPoint back = in_frame(there, Frame::Grid, sizes);
        ASSERT_EQ(back.x, cell) << sizes.original.w;
        ASSERT_EQ(back.y, 255 - cell) << sizes.original.h;
      }
    }
  }
}

TEST(FramedPoint, CentresOfPixelsFollowTheResize) {
  Rng rng(3);
  for (int k = 0; k < 2000; ++k) {
    const FrameSizes sizes{.original = {static_cast<int>(rng.integer(1, 4000)), static_cast<int>(rng.integer(1, 4000))},
                           .model_input = {1536, 512}};
    const double pixel = static_cast<double>(rng.integer(0, sizes.original.w - 1));
    const FramedPoint seen = in_frame({Frame::Original, pixel + 0.5, 0}, Frame::ModelInput, sizes);
    EXPECT_NEAR(seen.x, (pixel + 0.5) * 1536 / sizes.original.w, 1e-9);
    const Point back = pixel_of(seen, sizes);
    EXPECT_NEAR(back.x, pixel, 1e-3);
    const Point scaled = rescale({static_cast<float>(pixel), 0}, sizes.original, sizes.model_input);
    EXPECT_NEAR(seen.x - 0.5, scaled.x, 1e-2);
  }
}

TEST(FramedPoint, AFrameOfUnknownSizeIsAnError) {
  EXPECT_THROW(in_frame({Frame::Relative, 0.5, 0.5}, Frame::Original, {}), Error);
  EXPECT_THROW(in_frame({Frame::ModelInput, 1, 1}, Frame::Relative, {}), Error);
  EXPECT_EQ(in_frame({Frame::Relative, 0.5, 0.5}, Frame::Grid, {}).x, 128);
  EXPECT_EQ(frame_name(Frame::Grid), "grid256");
}

}  // namespace
}  // namespace magma
