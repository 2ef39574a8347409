#include "magma/image/planes.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "magma/image/area_average.h"
#include "tests/image/video_inputs.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

TEST(Planes, FitTheLongerSideAndNeverGrow) {
  EXPECT_TRUE(fit_size({1280, 720}, 640) == (Size{640, 360}));
  EXPECT_TRUE(fit_size({720, 1280}, 640) == (Size{360, 640}));
  EXPECT_TRUE(fit_size({320, 240}, 640) == (Size{320, 240}));
  EXPECT_TRUE(fit_size({8192, 16}, 256) == (Size{256, 1}));
}

DecodedFrame grey_frame(const GreyImage& image) {
  DecodedFrame frame;
  frame.plane[0] = image.pixels.data();
  frame.stride[0] = image.size.w;
  frame.size = image.size;
  return frame;
}

TEST(Planes, WidenLimitedRangeToTheNearestLevel) {
  GreyImage levels({256, 16});
  for (int i = 0; i < 256 * 16; ++i) levels.pixels[static_cast<size_t>(i)] = static_cast<uint8_t>(i);
  DecodedFrame frame = grey_frame(levels);
  for (int i = 1; i < 3; ++i) {
    frame.plane[i] = levels.pixels.data();
    frame.stride[i] = 256;
  }
  frame.chroma = {128, 8};
  Planes planes;
  scale_planes(frame, levels.size, planes);
  for (int level = 0; level < 256; ++level) {
    const auto luma = static_cast<int>(std::lround(std::clamp((level - 16) * 255.0 / 219, 0.0, 255.0)));
    EXPECT_EQ(planes.luma.row(0)[level], luma) << level;
  }
  for (int level = 0; level < 128; ++level) {
    const double chroma = std::clamp(128 + (level - 128) * 255.0 / 224, 0.0, 255.0);
    EXPECT_NEAR(planes.u.row(0)[level], chroma, 0.51) << level;
  }
}

TEST(Planes, AverageAreasAndFillGreyChroma) {
  GreyImage image({4, 2});
  image.pixels = {10, 20, 100, 100, 30, 40, 100, 104};
  DecodedFrame frame = grey_frame(image);
  frame.full_range = true;
  Planes planes;
  scale_planes(frame, {2, 1}, planes);
  EXPECT_EQ(planes.luma.pixels, (std::vector<uint8_t>{25, 101}));
  EXPECT_EQ(planes.u.pixels, (std::vector<uint8_t>{128}));
}

TEST(Planes, AverageAreasOfAnyRatioAsTheDefinitionSays) {
  const Size from = {53, 37}, to = {20, 29};
  GreyImage image(from);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * i % 251);
  std::vector<uint8_t> out(20 * 29);
  average_areas(image.pixels.data(), 53, from, to, out.data());
  const auto overlap = [](int s, int o, double ratio) {
    return std::max(0.0, std::min(s + 1.0, (o + 1) * ratio) - std::max<double>(s, o * ratio));
  };
  for (int y = 0; y < to.h; ++y) {
    for (int x = 0; x < to.w; ++x) {
      double sum = 0;
      for (int i = 0; i < from.w * from.h; ++i) {
        sum += image.pixels[static_cast<size_t>(i)] * overlap(i % 53, x, 53 / 20.0) * overlap(i / 53, y, 37 / 29.0);
      }
      EXPECT_NEAR(out[static_cast<size_t>(y * to.w + x)], sum / (53 / 20.0 * 37 / 29.0), 1.0) << x << "," << y;
    }
  }
}

TEST(Planes, TurnClockwise) {
  GreyImage image({3, 2});
  image.pixels = {1, 2, 3, 4, 5, 6};
  DecodedFrame frame = grey_frame(image);
  frame.full_range = true;
  frame.rotation = 90;
  Planes planes;
  scale_planes(frame, display_size(frame), planes);
  EXPECT_TRUE(planes.luma.size == (Size{2, 3}));
  EXPECT_EQ(planes.luma.pixels, (std::vector<uint8_t>{4, 1, 5, 2, 6, 3}));
}

TEST(Planes, BecomeTheColoursThatFfmpegMakes) {
  const TemporaryFolder folder;
  for (const std::string matrix : {"bt709", "smpte170m"}) {
    const Path path = make_video(
        folder.path(), matrix + ".mkv",
        "-f lavfi -i mandelbrot=size=160x96 -frames:v 1 -c:v ffv1 -pix_fmt yuv420p -vf scale=out_color_matrix=" +
            std::string(matrix == "bt709" ? "bt709" : "bt601") + " -colorspace " + matrix);
    const std::string expected =
        output_of("ffmpeg -nostdin -v error -i '" + path.string() +
                  "' -vf scale=flags=accurate_rnd+full_chroma_int -pix_fmt rgb24 -f rawvideo -");
    const auto reader = open_video(path);
    const DecodedFrame* frame = reader->next();
    EXPECT_EQ(frame->bt709, matrix == "bt709");
    Planes planes;
    scale_planes(*frame, frame->size, planes);
    Image image;
    planes_to_rgb(planes, image);
    ASSERT_EQ(image.pixels.size(), expected.size());
    double sum = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      sum += std::abs(int{static_cast<uint8_t>(expected[i])} - int{image.pixels[i]});
    }
    EXPECT_LT(sum / static_cast<double>(expected.size()), 2.0) << matrix;
  }
}

}  // namespace
}  // namespace magma
