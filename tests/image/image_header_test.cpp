// Sizes of pictures that ffmpeg wrote, told by their first bytes.
#include "magma/image/image_header.h"

#include <gtest/gtest.h>

#include "magma/core/random.h"
#include "magma/image/codec.h"
#include "tests/image/video_inputs.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

constexpr int64_t kLargest = int64_t{1} << 24;

TEST(ImageHeader, KnowsTheSizeOfWhatOthersWrote) {
  const TemporaryFolder folder;
  Rng rng(3);
  for (const std::string format : {"jpg", "png", "gif", "bmp"}) {
    for (int k = 0; k < 3; ++k) {
      const Size size{static_cast<int>(rng.integer(1, 400)), static_cast<int>(rng.integer(1, 400))};
      const Path file = make_video(folder.path(), std::to_string(k) + "." + format,
                                   "-f lavfi -i color=size=" + std::to_string(size.w) + "x" + std::to_string(size.h) +
                                       ",format=rgb24 -frames:v 1");
      const std::string bytes = read_file(file, kLargest);
      const std::optional<ImageHeader> header = read_image_header(bytes);
      ASSERT_TRUE(header) << file;
      EXPECT_EQ(header->format, format == "jpg" ? "jpeg" : format);
      EXPECT_EQ(header->size, size) << file;
    }
  }
}

TEST(ImageHeader, OfACutPictureItIsTheSameOrNone) {
  for (const std::string& bytes : {encode_png(Image({31, 7})), encode_jpeg(Image({31, 7}))}) {
    bool known = false;
    for (size_t length = 0; length <= bytes.size(); ++length) {
      const std::optional<ImageHeader> header = read_image_header(std::string_view(bytes).substr(0, length));
      EXPECT_FALSE(known && !header) << length;
      known = header.has_value();
      EXPECT_TRUE(!header || header->size == (Size{31, 7})) << length;
    }
    EXPECT_TRUE(known);
  }
}

TEST(ImageHeader, AgreesWithTheDecoderOnEveryPictureOfTheFixtures) {
  int decoded = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model/images")) {
    const std::string bytes = read_file(entry.path(), kLargest);
    const std::optional<ImageHeader> header = read_image_header(bytes);
    ASSERT_TRUE(header) << entry.path();
    EXPECT_EQ(header->size, decode_image(bytes, "").size) << entry.path();
    ++decoded;
  }
  EXPECT_GE(decoded, 9);
}

TEST(ImageHeader, OtherBytesAreNone) {
  Rng rng(9);
  for (int k = 0; k < 2000; ++k) {
    std::string bytes(static_cast<size_t>(rng.integer(0, 64)), '\0');
    for (char& byte : bytes) byte = static_cast<char>(rng.integer(0, 255));
    if (k % 2 == 0) bytes.insert(0, "\x89PNG\r\n\x1A\n");
    if (const auto header = read_image_header(bytes)) {
      EXPECT_GE(header->size.w, 1);
      EXPECT_GE(header->size.h, 1);
    }
  }
  EXPECT_FALSE(read_image_header("<svg width='4' height='4'></svg>"));
  EXPECT_FALSE(read_image_header("RIFF\x20\x01\x01\x01WEBPVP8 and so on, and so on"));
}

}  // namespace
}  // namespace magma
