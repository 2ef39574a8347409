#include "magma/mark/clip_pipeline.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <numeric>
#include <utility>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/file.h"
#include "magma/core/interrupt.h"
#include "magma/core/json.h"
#include "magma/image/video_writer.h"
#include "magma/track/tracker.h"
#include "tests/mark/film.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

// Positions hang on every pixel of every frame so far: equal tracks mean equal frames.
class ChecksumTracker : public Tracker {
 public:
  static constexpr const char* kSummary = "positions are checksums of the frames";
  explicit ChecksumTracker(const TrackerOptions&) {}
  std::string version() const override { return "1"; }
  void begin(std::span<const Query> queries, Sink sink) override {
    queries_.assign(queries.begin(), queries.end());
    sink_ = std::move(sink);
  }
  void push(const Planes& frame) override {
    for (const GreyImage* plane : {&frame.luma, &frame.u, &frame.v}) {
      for (const uint8_t pixel : plane->pixels) sum_ = (sum_ * 31 + pixel) % 65521;
    }
    TrackRow row;
    row.frame = frame_++;
    for (const Query& query : queries_) row.xy.push_back(query.point + Point{static_cast<float>(sum_) / 65521.0F, 0});
    row.visible.assign(queries_.size(), 1);
    row.confidence.assign(queries_.size(), 1.0F);
    row.quality.assign(queries_.size(), 0.5F);
    sink_(row);
  }
  void finish() override {}

 private:
  std::vector<Query> queries_;
  Sink sink_;
  int64_t frame_ = 0;
  uint32_t sum_ = 1;
};
MAGMA_REGISTER(Trackers, ChecksumTracker);

class MarklessProcedure : public MarkProcedure {
 public:
  static constexpr const char* kSummary = "no marks at all";
  ClipMarks make(const ClipInput& clip, const MarkConfig&) const override {
    ClipMarks marks;
    marks.stabilised = *clip.tracks;
    return marks;
  }
};
MAGMA_REGISTER(MarkProcedures, MarklessProcedure);

class ClipPipeline : public testing::Test {
 protected:
  ClipPipeline() {
    write_file_atomically(folder_.path() / "opened.mp4", "the pipeline hashes the file and reads the film");
    item_.id = "film";
    item_.video = folder_.path() / "opened.mp4";
    item_.video_name = "given.mp4";
    config_.tracker = config_.variant = "clip_pipeline_test";
    config_.shot_detector = "content_strict";
    config_.grid = 3;
  }

  PipelineSummary run(const Film& film) {
    options_.open = [film](const Path&, const VideoOptions&) { return std::make_unique<FilmReader>(film); };
    sink_ = RecordingSink();
    return run_pipeline(item_, config_, options_, sink_);
  }

  Error error_of(const Film& film) {
    try {
      run(film);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return Error(ErrorCode::Bug, {});
  }

  std::string everything() const {
    std::string text;
    for (const ClipResult& clip : sink_.clips) {
      text += dump_json(to_json(clip.record));
      for (const Point& point : clip.tracks.xy) text += fmt::format(" {}", point.x);
      text.append(clip.first_frame.pixels.begin(), clip.first_frame.pixels.end());
    }
    for (const auto& picture : sink_.pictures) text.append(picture.begin(), picture.end());
    return text;
  }

  TemporaryFolder folder_;
  PipelineItem item_;
  MarkConfig config_;
  PipelineOptions options_;
  RecordingSink sink_;
};

constexpr int64_t kFrameBytes = 64 * 48 * 3 / 2;

TEST_F(ClipPipeline, OneShotUpToTheLongestClipIsOneClip) {
  const PipelineSummary summary = run({.frames = 96});
  EXPECT_EQ(sink_.events, (std::vector<std::string>{"shot 0 0-96", "clip 0-96", "end 0"}));
  EXPECT_EQ(summary.frames, 96);
  EXPECT_EQ(summary.shots, 1);
  EXPECT_EQ(summary.clips, 1);
  EXPECT_EQ(summary.redecoded_frames, 0);
  EXPECT_EQ(sink_.progressed, 96);
  EXPECT_EQ(sink_.pictures.size(), 96U);
}

TEST_F(ClipPipeline, ClipsOfALongerShotAreEquallyLong) {
  config_.clip_frames = 10;
  for (const int64_t length : {2, 10, 11, 19, 20, 21, 95, 101}) {
    run({.frames = length});
    int64_t next = 0;
    for (const ClipResult& clip : sink_.clips) {
      EXPECT_EQ(clip.record.first, next);
      next = clip.record.last;
      EXPECT_EQ(clip.tracks.F, clip.record.last - clip.record.first);
      EXPECT_LE(sink_.clips.front().tracks.F - clip.tracks.F, 1);
    }
    EXPECT_EQ(next, length);
    EXPECT_EQ(static_cast<int64_t>(sink_.clips.size()), (length + 9) / 10);
  }
}

TEST_F(ClipPipeline, RecordSaysWhereTheClipIs) {
  config_.clip_frames = 20;
  item_.text = "walk on";
  run({.frames = 60, .cuts = {25}});
  ASSERT_EQ(sink_.clips.size(), 4U);
  const ClipRecord& record = sink_.clips[1].record;
  EXPECT_EQ(record.id, "film-s000-c001");
  EXPECT_EQ(record.first, 13);
  EXPECT_EQ(record.last, 25);
  EXPECT_EQ(record.pts_first, 13 * 512 + 7);
  EXPECT_EQ(record.pts_last, 24 * 512 + 7);
  EXPECT_EQ(record.source, (Size{64, 48}));
  EXPECT_EQ(record.track, (Size{64, 48}));
  EXPECT_EQ(record.video.path, "given.mp4");
  EXPECT_EQ(record.video.sha1, "0287e80f398ea7bd190eaac08af35dd012d2f35b");
  EXPECT_EQ(record.video.bytes, 47);
  EXPECT_EQ(record.text, "walk on");
  EXPECT_EQ(record.tracker_version, "1");
  EXPECT_EQ(sink_.clips[2].record.id, "film-s001-c000");
}

TEST_F(ClipPipeline, TheBufferNeverChangesTheResult) {
  const Film film = {.frames = 230, .cuts = {40, 100, 118, 180}};
  config_.clip_frames = 16;
  for (const char* detector : {"content_strict", "content"}) {
    config_.shot_detector = detector;
    options_.buffer_bytes = 1000 * kFrameBytes;
    EXPECT_EQ(run(film).redecoded_frames, 0);
    const std::string expected = everything();
    const std::vector<std::string> events = sink_.events;
    EXPECT_EQ(std::count_if(events.begin(), events.end(), [](const auto& e) { return e.starts_with("shot"); }), 5);
    for (const int64_t frames : {1, 5, 16, 25, 61}) {
      options_.buffer_bytes = frames * kFrameBytes;
      EXPECT_GT(run(film).redecoded_frames, 0) << frames;
      EXPECT_TRUE(everything() == expected) << detector << ", a buffer of " << frames << " frames";
      EXPECT_EQ(sink_.events, events);
    }
  }
}

TEST_F(ClipPipeline, FramesThatFitAreDecodedOnceAndOthersTwice) {
  options_.buffer_bytes = 30 * kFrameBytes;
  EXPECT_EQ(run({.frames = 30}).redecoded_frames, 0);
  EXPECT_EQ(run({.frames = 50}).redecoded_frames, 20 + 20) << "a clip longer than the buffer, shown as well";
  options_.pictures = false;
  EXPECT_EQ(run({.frames = 50}).redecoded_frames, 20);
  options_.pictures = true;
  config_.clip_frames = 15;
  EXPECT_EQ(run({.frames = 300}).redecoded_frames, 270);
}

TEST_F(ClipPipeline, FramesBeyondTheBufferWaitInTheSpillAsFarAsItReaches) {
  const Film film = {.frames = 230, .cuts = {90, 110}, .sizes = {{0, {64, 48}}, {150, {32, 24}}}};
  config_.clip_frames = 16;
  options_.buffer_bytes = 1000 * kFrameBytes;
  run(film);
  const std::string expected = everything();
  options_.buffer_bytes = 5 * kFrameBytes;
  const int64_t without = run(film).redecoded_frames;
  options_.spill_folder = folder_.path();
  options_.spill_bytes = 1000 * kFrameBytes;
  EXPECT_EQ(run(film).redecoded_frames, 0);
  EXPECT_TRUE(everything() == expected);
  for (const int64_t frames : {1, 40}) {
    options_.spill_bytes = frames * kFrameBytes;
    const int64_t with = run(film).redecoded_frames;
    EXPECT_GT(with, 0);
    EXPECT_LT(with, without);
    EXPECT_TRUE(everything() == expected) << "a spill of " << frames << " frames";
  }
  options_.spill_folder = folder_.path() / "missing";
  EXPECT_EQ(run(film).redecoded_frames, without);
  EXPECT_TRUE(everything() == expected);
}

TEST_F(ClipPipeline, AnItemWithAStartIsReadAgainFromTheRightPlace) {
  item_.start_s = 1.0;
  item_.end_s = 5.0;
  config_.clip_frames = 16;
  run({.frames = 200, .cuts = {60}});
  const std::string expected = everything();
  EXPECT_EQ(sink_.clips.front().record.first, 30);
  EXPECT_EQ(sink_.clips.back().record.last, 150);
  options_.buffer_bytes = 5 * kFrameBytes;
  EXPECT_GT(run({.frames = 200, .cuts = {60}}).redecoded_frames, 0);
  EXPECT_TRUE(everything() == expected);
}

TEST_F(ClipPipeline, ThreadsNeverChangeTheResult) {
  const Film film = {.frames = 150, .cuts = {40, 100}};
  config_.clip_frames = 16;
  for (const int64_t frames : {7, 1000}) {
    options_.buffer_bytes = frames * kFrameBytes;
    options_.threads = 1;
    const PipelineSummary one = run(film);
    const std::string expected = everything();
    options_.threads = 2;
    const PipelineSummary two = run(film);
    EXPECT_TRUE(everything() == expected);
    EXPECT_EQ(one.redecoded_frames, two.redecoded_frames);
  }
}

TEST_F(ClipPipeline, AChangeOfSizeStartsAShot) {
  const Film film = {.frames = 60, .cuts = {}, .sizes = {{0, {64, 48}}, {20, {48, 64}}, {45, {64, 48}}}};
  for (const char* detector : {"none", "content"}) {
    config_.shot_detector = detector;
    for (const int64_t frames : {5, 1000}) {
      options_.buffer_bytes = frames * kFrameBytes;
      run(film);
      ASSERT_EQ(sink_.clips.size(), 3U);
      EXPECT_EQ(sink_.clips[1].record.first, 20);
      EXPECT_EQ(sink_.clips[1].record.last, 45);
      EXPECT_EQ(sink_.clips[1].record.source, (Size{48, 64}));
      EXPECT_EQ(sink_.clips[1].tracks.frame, (Size{48, 64}));
    }
  }
}

TEST_F(ClipPipeline, TrackingFrameIsAtMostTrackWidth) {
  config_.track_width = 32;
  run({.frames = 5});
  EXPECT_EQ(sink_.clips[0].record.track, (Size{32, 24}));
  EXPECT_EQ(sink_.clips[0].first_frame.size, (Size{32, 24}));
}

TEST_F(ClipPipeline, ShotsThatAreTooShortAreReportedAndKeepTheirNumber) {
  config_.min_clip_frames = 20;
  const PipelineSummary summary = run({.frames = 90, .cuts = {40, 56}});
  EXPECT_EQ(sink_.events, (std::vector<std::string>{"shot 0 0-40", "clip 0-40", "end 0", "dropped 40-56 short_shot",
                                                    "shot 2 56-90", "clip 56-90", "end 2"}));
  EXPECT_EQ(summary.shots, 3);
  EXPECT_EQ(summary.clips, 2);
}

TEST_F(ClipPipeline, StartAndEndAreHalfOpen) {
  item_.start_s = 0.5;
  item_.end_s = 1.0;
  run({.frames = 60});
  EXPECT_EQ(sink_.events[0], "shot 0 15-30");
  item_.start_s = 0.51;
  item_.end_s = 1.01;
  run({.frames = 60});
  EXPECT_EQ(sink_.events[0], "shot 0 16-31");
}

TEST_F(ClipPipeline, ARangeWithoutFramesIsMalformed) {
  for (const auto& [start, end] : std::vector<std::pair<double, double>>{{5, 9}, {1, 1}, {1, 0.5}, {0.51, 0.52}}) {
    item_.start_s = start;
    item_.end_s = end;
    const Error error = error_of({.frames = 60});
    EXPECT_EQ(error.code(), ErrorCode::Malformed);
    EXPECT_EQ(error.fields().file, "given.mp4");
    EXPECT_EQ(error.fields().where, fmt::format("start {} s, end {} s", start, end));
  }
}

TEST_F(ClipPipeline, ErrorsOfTheReaderPassUnderTheNameTheUserGave) {
  for (const int threads : {1, 2}) {
    options_.threads = threads;
    item_.video = folder_.path() / "opened.mp4";
    options_.buffer_bytes = 1000 * kFrameBytes;
    const Error error = error_of({.frames = 60, .broken_at = 33});
    EXPECT_EQ(error.code(), ErrorCode::Malformed);
    EXPECT_EQ(error.fields().what, "the file is shorter than it says");
    EXPECT_TRUE(sink_.clips.empty());
  }
}

TEST_F(ClipPipeline, AMissingFileIsNamedAsTheUserGaveIt) {
  item_.video = folder_.path() / "missing.mp4";
  RecordingSink sink;
  try {
    run_pipeline(item_, config_, PipelineOptions{}, sink);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::FileSystem);
    EXPECT_EQ(error.fields().file, "given.mp4");
  }
}

TEST_F(ClipPipeline, AnErrorOfTheSinkEndsTheThreadAhead) {
  struct FullDisk : RecordingSink {
    void clip(const ClipResult&) override { throw Error(ErrorCode::FileSystem, {.file = "out", .what = "disk full"}); }
  } sink;
  run({.frames = 10});
  options_.threads = 2;
  options_.open = [](const Path&, const VideoOptions&) {
    return std::make_unique<FilmReader>(Film{.frames = 500, .cuts = {40, 100}});
  };
  EXPECT_THROW(run_pipeline(item_, config_, options_, sink), Error);
}

TEST_F(ClipPipeline, UnknownPluginsAreUsageErrors) {
  for (std::string MarkConfig::*name : {&MarkConfig::tracker, &MarkConfig::variant, &MarkConfig::shot_detector}) {
    const std::string known = std::exchange(config_.*name, "contentt");
    EXPECT_EQ(error_of({.frames = 3}).code(), ErrorCode::Usage);
    config_.*name = known;
  }
}

TEST_F(ClipPipeline, GivenTracksAreSlicedAndRescaled) {
  PointTracks given;
  given.F = 50;
  given.N = 2;
  given.frame = {128, 96};
  for (int64_t f = 0; f < 50; ++f) {
    for (int64_t n = 0; n < 2; ++n) given.xy.push_back({2 * static_cast<float>(f) + 0.5F, 20.5F});
  }
  given.visible.assign(100, 1);
  given.confidence.assign(100, 1.0F);
  item_.given_tracks = &given;
  item_.start_s = 0.5;
  config_.clip_frames = 25;
  run({.frames = 65});
  ASSERT_EQ(sink_.clips.size(), 2U);
  EXPECT_EQ(sink_.clips[1].tracks.frame, (Size{64, 48}));
  EXPECT_EQ(sink_.clips[1].tracks.at(3, 1), (Point{28, 10}));
  EXPECT_EQ(sink_.clips[1].record.tracker, "given");
}

TEST_F(ClipPipeline, GivenTracksOfAnotherLengthAreMalformed) {
  PointTracks given;
  given.F = 50;
  given.frame = {64, 48};
  item_.given_tracks = &given;
  for (const int64_t frames : {49, 51}) {
    const Error error = error_of({.frames = frames});
    EXPECT_EQ(error.code(), ErrorCode::Malformed);
    EXPECT_EQ(error.fields().got, "50 rows");
    EXPECT_THAT(error.fields().expected, testing::HasSubstr(std::to_string(frames)));
    EXPECT_TRUE(sink_.clips.empty());
  }
}

TEST_F(ClipPipeline, AVideoOfOneFrameGivesAClip) {
  config_ = MarkConfig();
  const PipelineSummary summary = run({.frames = 1});
  EXPECT_EQ(summary.clips, 1);
  ASSERT_EQ(sink_.clips.size(), 1U);
  EXPECT_EQ(sink_.clips[0].tracks.F, 1);
  EXPECT_NE(sink_.clips[0].record.marks.status, "ok");
  EXPECT_TRUE(sink_.clips[0].record.marks.traces.empty());
}

TEST_F(ClipPipeline, ASignalStopsItBetweenFrames) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto interrupted = [this] {
    install_interrupt_handlers();
    std::raise(SIGTERM);
    std::_Exit(error_of({.frames = 60}).exit_code());
  };
  EXPECT_EXIT(interrupted(), testing::ExitedWithCode(143), "");
}

TEST_F(ClipPipeline, ARealVideoIsReadAgainFrameByFrame) {
  item_.video = folder_.path() / "real.mp4";
  const auto writer = open_video_writer(item_.video, {64, 48}, {.fps_num = 30});
  for (int i = 0; i < 120; ++i) {
    Image image({64, 48}, {60, 90, static_cast<uint8_t>(2 * i)});
    for (int y = 10; y < 30; ++y) image.row(y)[(i % 60) * 3] = 255;
    writer->write(image);
  }
  writer->finish();
  config_.clip_frames = 16;
  options_.open = open_video;
  sink_ = RecordingSink();
  EXPECT_EQ(run_pipeline(item_, config_, options_, sink_).redecoded_frames, 0);
  const std::string expected = everything();
  EXPECT_EQ(sink_.clips.back().record.last, 120);
  options_.buffer_bytes = 11 * kFrameBytes;
  sink_ = RecordingSink();
  EXPECT_EQ(run_pipeline(item_, config_, options_, sink_).frames, 120);
  EXPECT_TRUE(everything() == expected);
}

}  // namespace
}  // namespace magma
