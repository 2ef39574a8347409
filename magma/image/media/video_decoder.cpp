// VideoDecoder: the VideoReader on FFmpeg.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/image/media/frame_planes.h"
#include "magma/image/media/frame_source.h"
#include "magma/image/media/timeline.h"

namespace magma {
namespace {

constexpr int64_t kShortWay = 32;  // frames: decoding on is cheaper than seeking

int64_t ticks(double seconds, AVRational timebase) {
  return std::max<int64_t>(1, static_cast<int64_t>(std::clamp(seconds / av_q2d(timebase), 0.0, 1e15)));
}

class VideoDecoder final : public VideoReader {
 public:
  VideoDecoder(VideoInput input, const VideoOptions& options)
      : input_(std::move(input)),
        source_(input_, options.threads),
        frame_(owned(av_frame_alloc())),
        rotation_(upright_rotation(source_.demuxer().stream())),
        timeline_(ticks(1 / source_.demuxer().fps().value(), source_.demuxer().stream().time_base),
                  ticks(1, source_.demuxer().stream().time_base)) {
    if (!decode()) {
      throw Error(ErrorCode::Malformed, {.file = name(), .what = "no picture of the video can be decoded"});
    }
    held_ = true;
    describe();
  }

  const VideoInfo& info() const override { return info_; }
  int64_t index() const override { return index_; }
  int64_t pts() const override { return timeline_.at(index_); }
  double seconds() const override { return seconds_of(pts()); }
  int64_t damaged_frames() const override { return damaged_; }

  const DecodedFrame* next() override {
    if (std::exchange(held_, false)) return view_;
    return decode() ? view_ : nullptr;
  }

  void seek(int64_t index) override {
    MAGMA_CHECK(index >= 0 && index < timeline_.count(), "frame {} of {} known", index, timeline_.count());
    const int64_t next_index = held_ ? index_ : index_ + 1;
    const bool is_near = !ended_ && index >= next_index && index - next_index <= kShortWay;
    if (!is_near && !jump(index)) {
      source_.restart();
      index_ = -1;
      held_ = ended_ = false;
    }
    while (index_ < index) {
      if (!decode()) fail("the video does not decode twice to the same frames");
      held_ = true;
    }
  }

  void seek_seconds(double seconds) override {
    if (timeline_.count() == 0 || !(seconds > 0)) return seek(0);
    const int64_t pts = first_stamp(seconds);
    if (timeline_.first_at_or_after(pts) == timeline_.count()) timeline_.extend_from_packets(input_, pts);
    const int64_t target = timeline_.first_at_or_after(pts);
    if (target < timeline_.count()) return seek(target);
    seek(timeline_.count() - 1);
    held_ = false;
    while (decode()) {
      if (timeline_.at(index_) < pts) continue;
      held_ = true;
      return;
    }
  }

 private:
  const std::string& name() const { return input_.file->name(); }

  [[noreturn]] void fail(std::string what) const {
    throw Error(ErrorCode::Malformed,
                {.file = name(), .where = "frame " + std::to_string(index_ + 1), .what = std::move(what)});
  }

  double seconds_of(int64_t pts) const {
    return static_cast<double>(pts - timeline_.at(0)) * av_q2d(source_.demuxer().stream().time_base);
  }

  // The smallest stamp whose seconds_of() is at least `seconds`.
  int64_t first_stamp(double seconds) const {
    int64_t pts = timeline_.at(0) + ticks(seconds, source_.demuxer().stream().time_base) - 1;
    while (seconds_of(pts) < seconds && seconds_of(pts + 1) > seconds_of(pts)) ++pts;
    return pts;
  }

  // One frame on. False at the end.
  bool decode() {
    if (ended_) return false;
    if (!source_.next(*frame_)) {
      ended_ = true;
      count_damage(false);
      judge_damage();
      return false;
    }
    take_frame(index_ + 1);
    return true;
  }

  void take_frame(int64_t index) {
    index_ = index;
    if (index_ == timeline_.count()) {
      const bool has_pts = frame_->pts != AV_NOPTS_VALUE;
      const int64_t stamp = has_pts ? frame_->pts : frame_->best_effort_timestamp;
      if (!has_pts) timeline_.mark_unsound();
      timeline_.append(stamp == AV_NOPTS_VALUE ? std::nullopt : std::optional<int64_t>(stamp));
    }
    count_damage((frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame_->decode_error_flags != 0);
    try {
      view_ = &planes_.view(*frame_, rotation_);
    } catch (const Error& error) {
      throw error.with_file(name()).with_where("frame " + std::to_string(index_));
    }
  }

  // Each frame counts once, however often it is decoded.
  void count_damage(bool frame_is_damaged) {
    const int64_t refused = source_.take_refused();
    if (!ended_ && index_ < counted_until_) return;
    damaged_ += refused + (frame_is_damaged ? 1 : 0);
    seen_ += refused + (ended_ ? 0 : 1);
    counted_until_ = index_ + 1;
  }

  void judge_damage() const {
    if (damaged_ * 100 <= limits().damaged_percent * seen_) return;
    throw Error(ErrorCode::Malformed, {.file = name(),
                                       .what = "too many frames are damaged",
                                       .expected = "at most " + std::to_string(limits().damaged_percent) + " %",
                                       .got = std::to_string(damaged_) + " of " + std::to_string(seen_)});
  }

  // Holds frame `index`, reached from a key frame. False where that cannot be done exactly.
  bool jump(int64_t index) {
    if (!timeline_.is_sound()) return false;
    const int64_t pts = timeline_.at(index);
    const std::optional<int64_t> exact_from = source_.seek(pts);
    if (!exact_from) return false;
    ended_ = false;
    while (source_.next(*frame_)) {
      if (frame_->pts == AV_NOPTS_VALUE || frame_->pts > pts) return false;
      if (frame_->pts < pts || frame_->pts < *exact_from) continue;
      take_frame(index);
      held_ = true;
      return true;
    }
    return false;
  }

  void describe() {
    const Demuxer& demuxer = source_.demuxer();
    const AVStream& stream = demuxer.stream();
    const char* pixel_format = av_get_pix_fmt_name(static_cast<AVPixelFormat>(frame_->format));
    info_.container = video_container_name(input_.container);
    info_.codec = avcodec_get_name(stream.codecpar->codec_id);
    info_.pixel_format = pixel_format == nullptr ? "" : pixel_format;
    info_.size = display_size();
    info_.rotation = rotation_;
    info_.timebase = {stream.time_base.num, stream.time_base.den};
    info_.fps = demuxer.fps();
    info_.claimed_frames = stream.nb_frames > 0 ? stream.nb_frames : -1;
    info_.claimed_duration_s = demuxer.claimed_duration_s();
    info_.has_audio = demuxer.has_audio();
  }

  Size display_size() const {
    const bool on_its_side = rotation_ == 90 || rotation_ == 270;
    return on_its_side ? Size{view_->size.h, view_->size.w} : view_->size;
  }

  VideoInput input_;
  FrameSource source_;
  FfmpegPointer<AVFrame> frame_;
  int rotation_;
  Timeline timeline_;
  FramePlanes planes_;
  VideoInfo info_;
  const DecodedFrame* view_ = nullptr;
  int64_t index_ = -1;  // of the frame decoded last
  bool held_ = false;   // it is decoded, and next() is yet to return it
  bool ended_ = false;
  int64_t counted_until_ = 0;  // frames below were counted for damage
  int64_t damaged_ = 0, seen_ = 0;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) VideoReader* media_open_video(VideoInput input,
                                                                                const VideoOptions& options) {
  silence_ffmpeg();
  return std::make_unique<VideoDecoder>(std::move(input), options).release();
}

}  // namespace magma
