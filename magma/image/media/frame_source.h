// FrameSource: decoded frames of a video in presentation order, straight from FFmpeg; and where to begin.
#pragma once

#include <memory>
#include <optional>

#include "magma/image/media/demuxer.h"

namespace magma {

class FrameSource {
 public:
  FrameSource(const VideoInput& input, int threads);

  const Demuxer& demuxer() const { return *demuxer_; }
  // False at the end. `frame` is replaced.
  bool next(AVFrame& frame);
  void restart();  // from the first frame
  // Goes to a key frame at or before `pts` and returns its pts: frames from it on are exact, those before it are not.
  // Empty where the container cannot seek or tells no time: then restart().
  std::optional<int64_t> seek(int64_t pts);
  int64_t take_refused();  // packets that the decoder refused since the last call

 private:
  void open();
  void feed();
  bool read_key_packet();

  const VideoInput& input_;
  int threads_;
  std::unique_ptr<Demuxer> demuxer_;
  FfmpegPointer<AVCodecContext> decoder_;
  FfmpegPointer<AVPacket> packet_;
  bool has_packet_ = false;
  bool draining_ = false;
  int64_t refused_ = 0;
};

}  // namespace magma
