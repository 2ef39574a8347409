#include "magma/image/codec.h"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "tests/image/video_inputs.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

Image pattern() {
  Image image({23, 17});
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * 7 / 5);
  return image;
}

ErrorCode code_of(std::string_view bytes, int64_t max_pixels = 1000) {
  try {
    decode_image(bytes, "picture", max_pixels);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode{0};
}

TEST(Codec, PngComesBackAsItWas) {
  const Image image = pattern();
  EXPECT_EQ(decode_image(encode_png(image), "a.png").pixels, image.pixels);
}

TEST(Codec, JpegIsReadByFfmpegAsByUs) {
  const TemporaryFolder folder;
  const std::string bytes = encode_jpeg(Image({32, 16}, {200, 100, 50}), 95);
  write_file_atomically(folder.path() / "a.jpg", bytes);
  const std::string rgb = output_of("ffmpeg -nostdin -v error -i '" + (folder.path() / "a.jpg").string() +
                                    "' -pix_fmt rgb24 -f rawvideo -");
  const Image image = decode_image(bytes, "a.jpg");
  ASSERT_EQ(rgb.size(), image.pixels.size());
  for (size_t i = 0; i < rgb.size(); ++i) {
    EXPECT_LE(std::abs(int{static_cast<uint8_t>(rgb[i])} - int{image.pixels[i]}), 2);
  }
}

TEST(Codec, EveryKindOfPngBecomesRgb) {
  const TemporaryFolder folder;
  for (const char* format : {"gray", "rgba", "rgb48be", "ya8", "pal8", "monob"}) {
    const Path path = make_video(folder.path(), std::string(format) + ".png",
                                 "-f lavfi -i testsrc=size=20x10 -frames:v 1 -pix_fmt " + std::string(format));
    const Image image = decode_image(read_file(path, 1 << 20), path.string());
    EXPECT_TRUE(image.size == (Size{20, 10})) << format;
  }
}

TEST(Codec, OfSixteenBitsTheUpperEightAreKept) {
  const TemporaryFolder folder;
  const Path path =
      make_video(folder.path(), "deep.png", "-f lavfi -i testsrc=size=20x10 -frames:v 1 -pix_fmt rgb48be");
  const std::string raw =
      output_of("ffmpeg -nostdin -v error -i '" + path.string() + "' -pix_fmt rgb48be -f rawvideo -");
  const Image image = decode_image(read_file(path, 1 << 20), path.string());
  ASSERT_EQ(raw.size(), image.pixels.size() * 2);
  for (size_t i = 0; i < image.pixels.size(); ++i) ASSERT_EQ(static_cast<uint8_t>(raw[2 * i]), image.pixels[i]) << i;
}

TEST(Codec, CutPicturesAreMalformed) {
  for (const std::string& bytes : {encode_png(pattern()), encode_jpeg(pattern())}) {
    ASSERT_EQ(code_of(bytes), ErrorCode{0});
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(code_of(std::string_view(bytes).substr(0, size)), ErrorCode::Malformed)
          << size << " of " << bytes.size();
    }
  }
}

TEST(Codec, LargePicturesAreRefusedByTheirHeader) {
  EXPECT_EQ(code_of(encode_png(pattern()), 100), ErrorCode::Refused);
  EXPECT_EQ(code_of(encode_jpeg(pattern()), 100), ErrorCode::Refused);
}

TEST(Codec, Base64OfTheStandard) {  // RFC 4648, section 10
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

}  // namespace
}  // namespace magma
