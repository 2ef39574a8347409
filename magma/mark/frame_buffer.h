// FrameBuffer: the frames of the open shot at the tracking size, as many as fit; what did not fit is fetched again,
// from the spill file or by a second decode.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "magma/image/video_reader.h"
#include "magma/mark/clip_split.h"

namespace magma {

struct VideoFrame {
  int64_t index = 0, pts = 0;  // as VideoReader counts them
  double seconds = 0;
  Size source;    // display size
  Planes planes;  // at the tracking size
};

// Planes that nobody needs any more, for reuse: large blocks are not given back and asked for again for every frame.
class PlanesPool {
 public:
  Planes take();
  void give(Planes&& planes);

 private:
  std::mutex mutex_;
  std::vector<Planes> free_;
};

class FrameSpill;

// Frames that went by: from the spill, or by a second reader of the same video, opened when it is first needed.
class FrameRefetch {
 public:
  using Open = std::function<std::unique_ptr<VideoReader>()>;
  FrameRefetch(Open open, int track_width, PlanesPool& pool, FrameSpill& spill);

  // `seconds`: of this frame or one before it, for where this reader has not come as far yet.
  VideoFrame fetch(int64_t index, double seconds);
  FrameSpill& spill() { return spill_; }
  int64_t frames() const { return frames_; }  // decoded again
  double busy_seconds() const { return busy_s_; }

 private:
  VideoFrame decode(int64_t index, double seconds);

  Open open_;
  int track_width_;
  PlanesPool& pool_;
  FrameSpill& spill_;
  std::unique_ptr<VideoReader> reader_;
  int64_t next_ = 0, known_ = 0;  // frame that reader_ returns next; frames below were returned
  int64_t frames_ = 0;
  double busy_s_ = 0;
};

class FrameBuffer {
 public:
  using Visit = std::function<void(const VideoFrame&)>;
  FrameBuffer(int64_t bytes, PlanesPool& pool, FrameRefetch& refetch);

  // Frames come in order. Once one did not fit, those after it are not kept either, until refill().
  void push(VideoFrame&& frame);
  // Frames of `range`, pushed and not released, in order; kept from now on where there is room.
  void visit(FrameRange range, const Visit& visit);
  void release_before(int64_t index);
  // Fetches what was pushed but not kept, as far as it fits.
  void refill();

 private:
  bool has_room() const { return frames_.empty() || bytes_ + frame_bytes_ <= capacity_; }
  void keep(VideoFrame&& frame);

  int64_t capacity_;
  PlanesPool& pool_;
  FrameRefetch& refetch_;
  std::deque<VideoFrame> frames_;  // consecutive
  int64_t end_ = 0, pushed_ = 0;   // frame after the last kept, after the last pushed
  double end_seconds_ = 0;         // of the first frame that was pushed but not kept
  int64_t bytes_ = 0, frame_bytes_ = 0;
};

// Copies a decoded frame at `track_width`.
VideoFrame scaled_frame(const VideoReader& reader, const DecodedFrame& decoded, int track_width, Planes&& reuse);

}  // namespace magma
