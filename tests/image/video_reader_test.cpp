#include "magma/image/video_reader.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/core/random.h"
#include "tests/image/video_inputs.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

struct Case {
  const char* name;
  const char* arguments;  // after the source
};

std::string case_name(const testing::TestParamInfo<Case>& tested) {
  std::string name = tested.param.name;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

class EveryFormat : public testing::TestWithParam<Case> {};

TEST_P(EveryFormat, GivesTheFramesThatFfmpegGives) {
  const TemporaryFolder folder;
  const Path path = make_video(folder.path(), GetParam().name, kMovingPicture + "-frames:v 20 " + GetParam().arguments);
  const std::string expected = luma_by_ffmpeg(path, "gray");
  const auto reader = open_video(path);
  std::string luma;
  int64_t frames = 0, last_pts = 0;
  while (const DecodedFrame* frame = reader->next()) {
    EXPECT_EQ(reader->index(), frames);
    EXPECT_TRUE(frames == 0 || reader->pts() > last_pts);
    last_pts = reader->pts();
    luma += luma_of(*frame);
    ++frames;
  }
  EXPECT_EQ(reader->damaged_frames(), 0);
  EXPECT_EQ(static_cast<size_t>(frames), expected.size() / (160 * 96));
  EXPECT_TRUE(luma == expected);
}

INSTANTIATE_TEST_SUITE_P(
    Video, EveryFormat,
    testing::Values(Case{"h264.mp4", "-c:v libx264 -pix_fmt yuv420p -bf 3"}, Case{"h264.mkv", "-c:v libx264 -bf 2"},
                    Case{"h264.ts", "-c:v libx264 -pix_fmt yuv420p"}, Case{"h264.flv", "-c:v libx264 -pix_fmt yuv420p"},
                    Case{"h264.mov", "-c:v libx264 -pix_fmt yuv422p"},
                    Case{"h264_444.mp4", "-c:v libx264 -pix_fmt yuv444p"},
                    Case{"hevc.mp4", "-c:v libx265 -x265-params log-level=none -pix_fmt yuv420p"},
                    Case{"mpeg4.avi", "-c:v mpeg4 -q:v 3"}, Case{"msmpeg4.avi", "-c:v msmpeg4 -q:v 3"},
                    Case{"mjpeg.avi", "-c:v mjpeg -q:v 3"}, Case{"mpeg2.mpg", "-c:v mpeg2video -q:v 3"},
                    Case{"vp8.webm", "-c:v libvpx -b:v 1M"}, Case{"vp9.webm", "-c:v libvpx-vp9 -cpu-used 8 -b:v 1M"},
                    Case{"theora.ogv", "-c:v libtheora -q:v 7"}, Case{"ffv1.mkv", "-c:v ffv1 -pix_fmt yuv410p"},
                    Case{"grey.mkv", "-c:v ffv1 -pix_fmt gray"}, Case{"raw.y4m", "-pix_fmt yuv420p"},
                    Case{"wmv2.asf", "-c:v wmv2 -q:v 3"}, Case{"interlaced.mp4", "-c:v libx264 -flags +ildct+ilme"}),
    case_name);

ErrorCode code_of(const Path& path) {
  try {
    const auto reader = open_video(path);
    while (reader->next() != nullptr) continue;
  } catch (const Error& error) {
    EXPECT_LE(error.line().size(), 512U);
    return error.code();
  }
  return ErrorCode{0};
}

Path written(const Path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

class EveryContainer : public testing::TestWithParam<Case> {};

TEST_P(EveryContainer, IsMalformedWhereverItIsCut) {
  const TemporaryFolder folder;
  const Path whole =
      make_video(folder.path(), GetParam().name, kMovingPicture + "-frames:v 12 " + GetParam().arguments);
  ASSERT_EQ(code_of(whole), ErrorCode{0});
  const std::string bytes = read_file(whole, 1 << 26);
  Rng rng(7);
  for (int i = 0; i < 64; ++i) {
    const auto size = static_cast<int64_t>(bytes.size());
    const int64_t cut = i < 8 ? i : i < 16 ? size - (i - 7) : rng.integer(8, size - 9);
    const Path path = written(folder.path() / "cut", std::string_view(bytes).substr(0, static_cast<size_t>(cut)));
    EXPECT_EQ(code_of(path), ErrorCode::Malformed) << "cut at " << cut << " of " << size;
  }
}

INSTANTIATE_TEST_SUITE_P(Video, EveryContainer,
                         testing::Values(Case{"plain.mp4", "-c:v libx264 -pix_fmt yuv420p"},
                                         Case{"faststart.mp4", "-c:v libx264 -pix_fmt yuv420p -movflags +faststart"},
                                         Case{"h264.mkv", "-c:v libx264"}, Case{"mpeg4.avi", "-c:v mpeg4"},
                                         Case{"vp8.webm", "-c:v libvpx"}, Case{"small.gif", ""},
                                         Case{"theora.ogv", "-c:v libtheora"}, Case{"h264.flv", "-c:v libx264"},
                                         Case{"plain.mov", "-c:v mjpeg"}),
                         case_name);

TEST(VideoReader, IgnoresBytesAfterTheEnd) {
  const TemporaryFolder folder;
  for (const char* name : {"a.mp4", "a.avi", "a.mkv", "a.gif"}) {
    const Path path = make_video(folder.path(), name, kMovingPicture + "-frames:v 5");
    written(path, read_file(path, 1 << 26) + std::string(100, '\0'));
    EXPECT_EQ(code_of(path), ErrorCode{0}) << name;
  }
}

TEST(VideoReader, TellsWhatIsNoVideo) {
  const TemporaryFolder folder;
  const Path& at = folder.path();
  EXPECT_EQ(code_of(at / "absent.mp4"), ErrorCode::FileSystem);
  EXPECT_EQ(code_of(at), ErrorCode::FileSystem);
  EXPECT_EQ(code_of(written(at / "empty.mp4", "")), ErrorCode::Malformed);
  EXPECT_EQ(code_of(written(at / "text.mp4", "this is no video\n")), ErrorCode::Malformed);
  EXPECT_EQ(code_of(make_video(at, "tone.m4a", "-f lavfi -i sine=duration=1")), ErrorCode::Malformed);
  EXPECT_EQ(code_of(make_video(at, "tone.mkv", "-f lavfi -i sine=duration=1")), ErrorCode::Malformed);
  EXPECT_EQ(code_of(make_video(at, "still.png", kMovingPicture + "-frames:v 1")), ErrorCode::Malformed);
  EXPECT_FALSE(looks_like_video(at / "text.mp4"));
  EXPECT_TRUE(looks_like_video(at / "tone.mkv"));
}

TEST(VideoReader, RefusesWhatNamesOtherMedia) {
  const TemporaryFolder folder;
  const Path& at = folder.path();
  for (const char* text : {"#EXTM3U\nsegment.ts\n", "ffconcat version 1.0\nfile 'a.mp4'\n",
                           "v=0\r\no=- 0 0 IN IP4 ::\r\n", "<?xml version='1.0'?>\n<MPD></MPD>\n"}) {
    EXPECT_EQ(code_of(written(at / "list.mp4", text)), ErrorCode::Refused) << text;
  }
  for (const char* name : {"http://localhost/a.mp4", "concat:a.ts|b.ts", "frames/%04d.png", "/dev/null"}) {
    EXPECT_EQ(code_of(name), ErrorCode::Refused) << name;
  }
}

TEST(VideoReader, RefusesFramesThatAreTooSmallOrTooWide) {
  const TemporaryFolder folder;
  const auto sized = [&](const char* name, const std::string& size, const char* arguments) {
    return make_video(folder.path(), name,
                      "-f rawvideo -pix_fmt gray -s " + size + " -i /dev/zero -frames:v 2 " + arguments);
  };
  EXPECT_EQ(code_of(sized("1.mkv", "1x1", "-c:v ffv1")), ErrorCode::Refused);
  EXPECT_EQ(code_of(sized("1.gif", "1x1", "")), ErrorCode::Refused);
  EXPECT_EQ(code_of(sized("wide.mkv", "16384x16", "-c:v ffv1")), ErrorCode::Refused);
  EXPECT_EQ(code_of(sized("least.mkv", "16x16", "-c:v ffv1")), ErrorCode{0});
}

TEST(VideoReader, ReadsOneFrameOddSidesTenBitsAndAlpha) {
  const TemporaryFolder folder;
  const std::string odd = "-f lavfi -i testsrc=size=161x97:rate=25 -frames:v 1 ";
  for (const char* name : {"odd.mkv -c:v ffv1 -pix_fmt yuv420p", "ten.mkv -c:v ffv1 -pix_fmt yuv420p10le",
                           "rgb.mkv -c:v ffv1 -pix_fmt bgr0", "deep.mkv -c:v ffv1 -pix_fmt yuv444p16le"}) {
    const std::string text = name;
    const size_t space = text.find(' ');
    const auto reader = open_video(make_video(folder.path(), text.substr(0, space), odd + text.substr(space)));
    EXPECT_TRUE(reader->info().size == (Size{161, 97})) << name;
    ASSERT_NE(reader->next(), nullptr) << name;
    EXPECT_EQ(reader->next(), nullptr) << name;
  }
}

// The matrix that phones write for a picture taken upright: a quarter turn clockwise.
void set_phone_matrix(std::string& mp4, int height) {
  const auto word = [](int64_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
    return bytes;
  };
  std::string matrix;
  for (const int64_t value : {0, 1 << 16, 0, -(1 << 16), 0, 0, height << 16, 0, 1 << 30}) matrix += word(value);
  mp4.replace(mp4.find("tkhd") + 44, matrix.size(), matrix);
}

void expect_upright(const Path& path, int rotation, Size size) {
  const std::string upright =
      output_of("ffmpeg -nostdin -v error -i '" + path.string() + "' -frames:v 1 -vf extractplanes=y -f rawvideo -");
  const auto reader = open_video(path);
  EXPECT_TRUE(reader->info().size == size);
  EXPECT_EQ(reader->info().rotation, rotation);
  DecodedFrame frame = *reader->next();
  frame.full_range = true;  // samples as stored
  Planes planes;
  scale_planes(frame, size, planes);
  EXPECT_TRUE(std::string(planes.luma.pixels.begin(), planes.luma.pixels.end()) == upright);
}

TEST(VideoReader, TurnsPicturesUprightAsFfmpegDoes) {
  const TemporaryFolder folder;
  const Path flat = make_video(folder.path(), "flat.mp4", kMovingPicture + "-frames:v 2 -c:v libx264 -pix_fmt yuv420p");
  const auto turned = [&](const char* angle) {
    return make_video(folder.path(), std::string(angle) + ".mp4",
                      "-i '" + flat.string() + "' -c copy -metadata:s:v:0 rotate=" + angle);
  };
  expect_upright(turned("90"), 270, {96, 160});
  expect_upright(turned("180"), 180, {160, 96});
  expect_upright(turned("270"), 90, {96, 160});
  std::string phone = read_file(flat, 1 << 26);
  set_phone_matrix(phone, 96);
  expect_upright(written(folder.path() / "phone.mp4", phone), 90, {96, 160});
}

class Seeking : public testing::TestWithParam<Case> {};

std::vector<std::string> all_frames(VideoReader& reader) {
  std::vector<std::string> frames;
  while (const DecodedFrame* frame = reader.next()) frames.push_back(luma_of(*frame));
  return frames;
}

TEST_P(Seeking, ReturnsTheVeryFramesOfTheFirstPass) {
  const TemporaryFolder folder;
  const Path path =
      make_video(folder.path(), GetParam().name, kMovingPicture + "-frames:v 120 " + GetParam().arguments);
  const auto reader = open_video(path);
  const std::vector<std::string> frames = all_frames(*reader);
  ASSERT_GE(frames.size(), 100U);
  Rng rng(3);
  for (int i = 0; i < 25; ++i) {
    const int64_t index = rng.integer(0, static_cast<int64_t>(frames.size()) - 1);
    reader->seek(index);
    const DecodedFrame* frame = reader->next();
    ASSERT_NE(frame, nullptr);
    EXPECT_EQ(reader->index(), index);
    EXPECT_TRUE(luma_of(*frame) == frames[static_cast<size_t>(index)]) << index;
  }
  VideoOptions options;
  options.threads = 4;
  EXPECT_TRUE(all_frames(*open_video(path, options)) == frames);
}

TEST_P(Seeking, FindsTheFrameOfATimeWithoutReadingTheFilm) {
  const TemporaryFolder folder;
  const Path path =
      make_video(folder.path(), GetParam().name, kMovingPicture + "-frames:v 120 " + GetParam().arguments);
  const auto whole = open_video(path);
  std::vector<double> times;
  std::vector<std::string> frames;
  while (const DecodedFrame* frame = whole->next()) {
    times.push_back(whole->seconds());
    frames.push_back(luma_of(*frame));
  }
  for (const double seconds : {0.0, 0.5, 1.01, 3.3, 4.0}) {
    const auto reader = open_video(path);
    reader->seek_seconds(seconds);
    const DecodedFrame* frame = reader->next();
    ASSERT_NE(frame, nullptr);
    const auto index = std::lower_bound(times.begin(), times.end(), seconds) - times.begin();
    EXPECT_EQ(reader->index(), index);
    EXPECT_EQ(reader->seconds(), times[static_cast<size_t>(index)]);
    EXPECT_TRUE(luma_of(*frame) == frames[static_cast<size_t>(index)]) << seconds;
  }
  const auto reader = open_video(path);
  reader->seek_seconds(100);
  EXPECT_EQ(reader->next(), nullptr);
}

INSTANTIATE_TEST_SUITE_P(
    Video, Seeking,
    testing::Values(Case{"closed.mp4", "-c:v libx264 -pix_fmt yuv420p -g 12 -bf 3"},
                    Case{"open.mkv", "-c:v libx264 -pix_fmt yuv420p -g 12 -bf 3 -x264-params open-gop=1"},
                    Case{"variable.mp4", "-vf select='mod(n\\,3)' -vsync vfr -c:v libx264 -g 12 -frames:v 110"},
                    Case{"vp8.webm", "-c:v libvpx -g 20 -auto-alt-ref 1 -lag-in-frames 10 -b:v 400k"},
                    Case{"mpeg2.mpg", "-c:v mpeg2video -g 12 -bf 2"}, Case{"h264.ts", "-c:v libx264 -g 12"},
                    Case{"mpeg4.avi", "-c:v mpeg4 -g 12"}, Case{"small.gif", ""}),
    case_name);

TEST(VideoReader, DoesNotBelieveTheFrameCountOfAnAviHeader) {
  const TemporaryFolder folder;
  const Path path = make_video(folder.path(), "lie.avi", kMovingPicture + "-frames:v 9 -c:v mpeg4");
  std::string bytes = read_file(path, 1 << 26);
  for (const char* header : {"avih", "strh"}) {
    const size_t count = bytes.find(header) + 8 + (header[0] == 'a' ? 16 : 32);
    bytes.replace(count, 4, "\x10\x27\0\0", 4);  // 10000
  }
  const auto reader = open_video(written(path, bytes));
  int frames = 0;
  while (reader->next() != nullptr) ++frames;
  EXPECT_EQ(frames, 9);
}

}  // namespace
}  // namespace magma
