#include "magma/image/video_writer.h"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "tests/image/video_inputs.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

Image gradient(Size size, int step) {
  Image image(size);
  for (int y = 0; y < size.h; ++y) {
    for (int x = 0; x < size.w; ++x) {
      uint8_t* pixel = image.row(y) + 3 * x;
      pixel[0] = static_cast<uint8_t>(255 * x / size.w);
      pixel[1] = static_cast<uint8_t>(255 * y / size.h);
      pixel[2] = static_cast<uint8_t>(8 * step);
    }
  }
  return image;
}

void write_video(const Path& path, Size size, int frames) {
  const auto writer = open_video_writer(path, size);
  for (int i = 0; i < frames; ++i) writer->write(gradient(size, i));
  writer->finish();
}

TEST(VideoWriter, MakesWhatBrowsersPlay) {
  const TemporaryFolder folder;
  const Path path = folder.path() / "a.mp4";
  write_video(path, {161, 97}, 12);
  const std::string facts = output_of("ffprobe -v error -count_frames -show_streams '" + path.string() + "'");
  for (const char* fact : {"codec_name=h264", "width=162", "height=98", "pix_fmt=yuv420p", "color_range=tv",
                           "color_space=bt709", "avg_frame_rate=10/1", "nb_read_frames=12"}) {
    EXPECT_NE(facts.find(fact), facts.npos) << fact << "\n" << facts;
  }
  const std::string bytes = read_file(path, 1 << 26);
  EXPECT_LT(bytes.find("moov"), bytes.find("mdat"));  // plays while it loads
}

TEST(VideoWriter, KeepsTheColours) {
  const TemporaryFolder folder;
  const Path path = folder.path() / "a.mp4";
  write_video(path, {160, 96}, 3);
  const std::string rgb = output_of("ffmpeg -nostdin -v error -i '" + path.string() +
                                    "' -frames:v 1 -vf scale=in_color_matrix=bt709 -pix_fmt rgb24 -f rawvideo -");
  const Image expected = gradient({160, 96}, 0);
  ASSERT_EQ(rgb.size(), expected.pixels.size());
  double sum = 0;
  for (size_t i = 0; i < rgb.size(); ++i) sum += std::abs(int{static_cast<uint8_t>(rgb[i])} - int{expected.pixels[i]});
  EXPECT_LT(sum / static_cast<double>(rgb.size()), 3.0);
}

TEST(VideoWriter, GivesTheSameBytesForTheSameFrames) {
  const TemporaryFolder folder;
  write_video(folder.path() / "a.mp4", {160, 96}, 30);
  write_video(folder.path() / "b.mp4", {160, 96}, 30);
  EXPECT_TRUE(read_file(folder.path() / "a.mp4", 1 << 26) == read_file(folder.path() / "b.mp4", 1 << 26));
}

TEST(VideoWriter, SaysWhenTheFileCannotBeWritten) {
  const TemporaryFolder folder;
  for (const Path& path : {folder.path() / "absent" / "a.mp4", Path("/dev/full")}) {
    try {
      write_video(path, {160, 96}, 40);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::FileSystem) << error.line();
    }
  }
}

}  // namespace
}  // namespace magma
