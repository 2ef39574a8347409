#include "magma/track/track_file.h"

#include <limits>

#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

PointTracks small_tracks() {
  PointTracks tracks;
  tracks.F = 2;
  tracks.N = 9;
  tracks.frame = {64, 48};
  for (int i = 0; i < 18; ++i) {
    tracks.xy.push_back({static_cast<float>(i) * 1.25F, -3.5F + static_cast<float>(i)});
    tracks.visible.push_back(i % 4 == 0 || i == 17);
    tracks.confidence.push_back(static_cast<float>(i) * 15 / 255);
  }
  return tracks;
}

void expect_equal(const PointTracks& a, const PointTracks& b) {
  EXPECT_EQ(a.F, b.F);
  EXPECT_EQ(a.N, b.N);
  EXPECT_EQ(a.xy, b.xy);
  EXPECT_EQ(a.visible, b.visible);
  EXPECT_EQ(a.confidence, b.confidence);
}

std::string raw(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// The text of the Malformed error of reading `path`.
std::string refusal(const Path& path) {
  try {
    read_tracks(path, {10, 10});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Malformed);
    return error.line();
  }
  ADD_FAILURE() << "accepted";
  return "";
}

TEST(PackVisible, PutsTheFirstPointInTheLowestBit) {
  const uint8_t visible[10] = {1, 0, 0, 0, 0, 0, 0, 1, 0, 1};
  EXPECT_EQ(pack_visible(visible, 10), std::string("\x81\x02"));
  EXPECT_EQ(pack_visible(visible, 0), "");
}

TEST(TrackFile, RoundTrips) {
  const TemporaryFolder folder;
  const Path path = folder.path() / "a.safetensors";
  {
    SafetensorsWriter writer(path);
    writer.set_metadata("track_w", "64");
    writer.set_metadata("track_h", "48");
    add_tracks(writer, "a", small_tracks());
    writer.finish();
  }
  const PointTracks read = read_tracks(path, {1, 1});
  expect_equal(read, small_tracks());
  EXPECT_EQ(read.frame, (Size{64, 48}));
}

TEST(TrackFile, ReadsWhatPythonWrote) {
  const PointTracks tracks = read_tracks(Path(MAGMA_SOURCE_DIR) / "tests/track/track_file_python.safetensors", {1, 1});
  EXPECT_EQ(tracks.F, 3);
  EXPECT_EQ(tracks.N, 10);
  EXPECT_EQ(tracks.frame, (Size{640, 360}));
  EXPECT_EQ(tracks.at(0, 0), (Point{-40 / 16.0F, -35 / 16.0F}));
  EXPECT_EQ(tracks.at(2, 9), (Point{250 / 16.0F, 255 / 16.0F}));
  for (int i = 0; i < 30; ++i) EXPECT_EQ(tracks.is_visible(i / 10, i % 10), i % 3 == 0) << i;
}

TEST(TrackFile, FindsTheFrameSizeInTheRecordOfTheFolderAbove) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "tensors");
  const Path path = folder.path() / "tensors" / "a.safetensors";
  SafetensorsWriter writer(path);
  add_tracks(writer, "a", small_tracks());
  writer.finish();
  EXPECT_EQ(read_tracks(path, {7, 5}).frame, (Size{7, 5}));
  write_file_atomically(folder.path() / "records.jsonl",
                        "{\"id\":\"b\",\"track\":{\"h\":1,\"w\":1}}\n{\"id\":\"a\",\"track\":{\"h\":48,\"w\":64}}\n");
  EXPECT_EQ(read_tracks(path, {7, 5}).frame, (Size{64, 48}));
}

TEST(TrackFile, ReadsPlainBooleans) {
  const TemporaryFolder folder;
  const Path path = folder.path() / "a.safetensors";
  SafetensorsWriter writer(path);
  writer.add("tracks/tracks", DType::F32, {1, 3, 2}, raw({1, 2, 3, 4, 5, 6}));
  writer.add("tracks/visible", DType::Bool, {1, 3}, std::string("\1\0\1", 3));
  writer.finish();
  const PointTracks tracks = read_tracks(path, {10, 10});
  EXPECT_EQ(tracks.visible, (std::vector<uint8_t>{1, 0, 1}));
  EXPECT_EQ(tracks.confidence, (std::vector<float>{1, 0, 1}));
}

TEST(TrackFile, NamesTheTensorAndItsShapeWhenWrong) {
  const TemporaryFolder folder;
  const Path path = folder.path() / "a.safetensors";
  SafetensorsWriter writer(path);
  writer.add("a/tracks", DType::F32, {1, 3, 2}, raw({1, 2, 3, 4, 5, 6}));
  writer.add("a/visible", DType::U8, {1, 3}, "\1\1\1");
  writer.finish();
  const std::string line = refusal(path);
  EXPECT_NE(line.find("a/visible"), std::string::npos) << line;
  EXPECT_NE(line.find("U8 [1, 3]"), std::string::npos) << line;
}

TEST(TrackFile, RefusesCoordinatesThatAreNoNumbers) {
  const TemporaryFolder folder;
  const Path path = folder.path() / "a.safetensors";
  SafetensorsWriter writer(path);
  writer.add("a/tracks", DType::F32, {1, 2, 2}, raw({1, 2, std::numeric_limits<float>::quiet_NaN(), 4}));
  writer.add("a/visible", DType::U8, {1, 1}, "\3");
  writer.finish();
  EXPECT_NE(refusal(path).find("point 1"), std::string::npos);
}

TEST(TrackFile, RefusesTwoSetsOfTracks) {
  const TemporaryFolder folder;
  const Path path = folder.path() / "a.safetensors";
  SafetensorsWriter writer(path);
  add_tracks(writer, "a", small_tracks());
  add_tracks(writer, "b", small_tracks());
  writer.finish();
  EXPECT_NE(refusal(path).find("2 sets"), std::string::npos);
}

TEST(TrackFile, JoinsTheClipsOfOneVideoInTheOrderOfTheirRows) {
  const TemporaryFolder folder;
  const Path path = folder.path() / "a.safetensors";
  {
    SafetensorsWriter writer(path);
    for (const char* id : {"a-s000-c000", "a-s000-c001", "a-s001-c000"}) add_tracks(writer, id, small_tracks());
    writer.finish();
  }
  write_file_atomically(folder.path() / "a.jsonl",
                        "{\"id\":\"a-s000-c000\",\"track\":{\"h\":48,\"w\":64}}\n"
                        "{\"id\":\"a-s000-c001\",\"track\":{\"h\":48,\"w\":64}}\n"
                        "{\"id\":\"a-s001-c000\",\"track\":{\"h\":24,\"w\":32}}\n");
  const PointTracks tracks = read_tracks(path, {});
  EXPECT_EQ(tracks.F, 6);
  EXPECT_EQ(tracks.N, 9);
  EXPECT_EQ(tracks.frame, (Size{64, 48}));
  EXPECT_EQ(tracks.at(3, 4), small_tracks().at(1, 4));
  EXPECT_EQ(tracks.at(4, 4), rescale(small_tracks().at(0, 4), {32, 24}, {64, 48}));  // brought to the first's pixels
  EXPECT_EQ(tracks.is_visible(5, 8), small_tracks().is_visible(1, 8));
}

TEST(TrackFile, RefusesClipsOfSeveralVideosAndOfDifferentPoints) {
  const TemporaryFolder folder;
  const auto refused = [&folder](const std::string& second, int64_t fewer) {
    const Path path = folder.path() / (second + ".safetensors");
    SafetensorsWriter writer(path);
    add_tracks(writer, "a-s000-c000", small_tracks());
    PointTracks tracks = small_tracks();
    tracks.N -= fewer;
    add_tracks(writer, second, tracks);
    writer.finish();
    return refusal(path);
  };
  EXPECT_NE(refused("b-s000-c000", 0).find("2 sets"), std::string::npos);
  EXPECT_NE(refused("a-s000-cut", 0).find("2 sets"), std::string::npos);
  EXPECT_NE(refused("a-s000-c001", 1).find("numbers of points"), std::string::npos);
}

}  // namespace
}  // namespace magma
