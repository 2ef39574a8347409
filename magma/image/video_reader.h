// VideoReader: frames of a video in presentation order, one at a time. Decoding lives in a library that is loaded when
// the first video is opened, so that programs which open none start at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "magma/core/file.h"
#include "magma/image/planes.h"

namespace magma {

struct Rational {
  int64_t num = 0, den = 1;
  double value() const { return den == 0 ? 0.0 : static_cast<double>(num) / static_cast<double>(den); }
};

struct VideoInfo {
  std::string container, codec, pixel_format;
  Size size;                    // display size of the first frame: rotated upright, px
  int rotation = 0;             // degrees clockwise, 0 90 180 270
  Rational timebase;            // seconds per tick of pts
  Rational fps;                 // average; 30/1 when the container states none
  int64_t claimed_frames = -1;  // what the header says: proves nothing
  double claimed_duration_s = -1;
  bool has_audio = false;
};

struct VideoOptions {
  int threads = 1;  // decoder threads; never changes the pixels
};

class VideoReader {
 public:
  virtual ~VideoReader() = default;
  virtual const VideoInfo& info() const = 0;

  // Decodes the next frame. nullptr at the end. Errors: Malformed (a packet is missing; at the end: more than
  // limits().damaged_percent of the frames damaged), Refused (frame side out of range), FileSystem.
  virtual const DecodedFrame* next() = 0;
  // Of the frame last returned:
  virtual int64_t index() const = 0;           // counted from the video's first frame
  virtual int64_t pts() const = 0;             // ticks of info().timebase; strictly increasing (repaired where broken)
  virtual double seconds() const = 0;          // from the video's first frame
  virtual int64_t damaged_frames() const = 0;  // decoded with known damage so far

  // The next call of next() returns frame `index`, which must have been returned before.
  virtual void seek(int64_t index) = 0;
  // The next call of next() returns the first frame with seconds() >= `seconds`; its index() is exact.
  virtual void seek_seconds(double seconds) = 0;
};

// Decodes the first frame. Errors: FileSystem (missing, unreadable, a folder), Malformed (not a video, audio only, no
// frame, shorter than its container says), Refused (playlists, devices, network names, forbidden codecs).
std::unique_ptr<VideoReader> open_video(const Path& path, const VideoOptions& options = {});

// False for a file that is no video at all (no error then); used by `magma info`.
bool looks_like_video(const Path& path);

}  // namespace magma
