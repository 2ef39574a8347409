// Demuxer: the packets of a file's video stream. FFmpeg sees bytes of one open file only: no protocol, no other file.
#pragma once

#include <exception>
#include <memory>
#include <string>

#include "magma/image/media/ffmpeg.h"
#include "magma/image/media/media_library.h"

namespace magma {

class Demuxer {
 public:
  // Errors: Malformed (damaged head, no video stream, pictures past the end), Refused (frame side, forbidden codec).
  explicit Demuxer(const VideoInput& input);
  Demuxer(const Demuxer&) = delete;
  Demuxer& operator=(const Demuxer&) = delete;
  ~Demuxer();

  const AVStream& stream() const { return *stream_; }
  const AVCodec& codec() const { return *codec_; }
  Rational fps() const;  // average; 30/1 when the container states none or an absurd one
  bool has_audio() const;
  double claimed_duration_s() const;  // -1 unknown

  // False at the end. A packet that the container marks as damaged keeps AV_PKT_FLAG_CORRUPT.
  bool read(AVPacket& packet);
  // The next packet read is a key frame at or before `pts` where the container can tell; false where it cannot seek.
  bool seek(int64_t pts);

 private:
  void open_bytes();
  void open_container();
  void choose_stream();
  void require_packets_inside() const;
  [[noreturn]] void malformed(std::string what, std::string where = "") const;

  const InputFile& file_;
  VideoContainer container_;
  int64_t position_ = 0;
  std::exception_ptr read_error_;  // an Error may not cross FFmpeg's frames
  AVIOContext* bytes_ = nullptr;
  AVFormatContext* format_ = nullptr;
  AVStream* stream_ = nullptr;
  const AVCodec* codec_ = nullptr;

  friend struct DemuxerBytes;
};

}  // namespace magma
