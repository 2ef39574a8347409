// A made-up video and a sink that keeps what the pipeline says of it.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/mark/clip_pipeline.h"

namespace magma {

struct Film {
  int64_t frames = 0;
  std::vector<int64_t> cuts = {};
  std::vector<std::pair<int64_t, Size>> sizes = {{0, {64, 48}}};  // from which frame
  int64_t broken_at = -1;
};

// 30 frames a second; scenes are dark and light in turn, every frame has a pattern of its own.
class FilmReader : public VideoReader {
 public:
  explicit FilmReader(const Film& film) : film_(film) {
    info_.size = film.sizes.front().second;
    info_.timebase = {1, 15360};
    info_.fps = {30, 1};
  }
  const VideoInfo& info() const override { return info_; }
  const DecodedFrame* next() override {
    if (next_ == film_.broken_at) {
      throw Error(ErrorCode::Malformed, {.file = "opened.mp4", .what = "the file is shorter than it says"});
    }
    if (next_ >= film_.frames) return nullptr;
    index_ = next_++;
    known_ = std::max(known_, next_);
    paint();
    return &frame_;
  }
  int64_t index() const override { return index_; }
  int64_t pts() const override { return index_ * 512 + 7; }
  double seconds() const override { return static_cast<double>(index_ * 512) / 15360; }
  int64_t damaged_frames() const override { return 0; }
  void seek(int64_t index) override {
    ASSERT_LT(index, known_) << "a reader knows only what it has returned";
    next_ = index;
  }
  void seek_seconds(double seconds) override {
    for (next_ = 0; static_cast<double>(next_ * 512) / 15360 < seconds;) ++next_;
  }

 private:
  void paint() {
    for (const auto& [first, size] : film_.sizes) {
      if (index_ >= first) frame_.size = size;
    }
    const auto scene = std::count_if(film_.cuts.begin(), film_.cuts.end(), [this](int64_t c) { return index_ >= c; });
    luma_ = GreyImage(frame_.size);
    for (size_t i = 0; i < luma_.pixels.size(); ++i) {
      const int64_t pattern = (static_cast<int64_t>(i) * (scene + 3) + index_) % 23;
      luma_.pixels[i] = static_cast<uint8_t>((scene % 2 == 0 ? 30 : 200) + pattern);
    }
    frame_.plane[0] = luma_.pixels.data();
    frame_.stride[0] = frame_.size.w;
    frame_.full_range = true;
  }

  Film film_;
  VideoInfo info_;
  GreyImage luma_;
  DecodedFrame frame_;
  int64_t next_ = 0, index_ = -1, known_ = 0;
};

struct RecordingSink : PipelineSink {
  std::vector<std::string> events;
  std::vector<ClipResult> clips;
  std::vector<std::vector<uint8_t>> pictures;
  int64_t progressed = 0;

  void shot_begins(int64_t shot, int64_t first, int64_t last) override {
    events.push_back(fmt::format("shot {} {}-{}", shot, first, last));
  }
  void frame(int64_t index_in_clip, const Image& rgb, const PointTracks& tracks) override {
    EXPECT_LT(index_in_clip, tracks.F);
    EXPECT_EQ(rgb.size, tracks.frame);
    pictures.push_back(rgb.pixels);
  }
  void clip(const ClipResult& result) override {
    events.push_back(fmt::format("clip {}-{}", result.record.first, result.record.last));
    clips.push_back(result);
  }
  void shot_ends(int64_t shot) override { events.push_back(fmt::format("end {}", shot)); }
  void dropped(int64_t first, int64_t last, const std::string& reason) override {
    events.push_back(fmt::format("dropped {}-{} {}", first, last, reason));
  }
  void progress(int64_t frames_decoded) override { progressed = frames_decoded; }
};

}  // namespace magma
