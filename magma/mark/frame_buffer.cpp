#include "magma/mark/frame_buffer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "magma/core/check.h"
#include "magma/core/clock.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/mark/frame_spill.h"

namespace magma {
namespace {

int64_t bytes_of(const Planes& planes) {
  return static_cast<int64_t>(planes.luma.pixels.size() + planes.u.pixels.size() + planes.v.pixels.size());
}

}  // namespace

Planes PlanesPool::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return {};
  Planes planes = std::move(free_.back());
  free_.pop_back();
  return planes;
}

void PlanesPool::give(Planes&& planes) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(planes));
}

VideoFrame scaled_frame(const VideoReader& reader, const DecodedFrame& decoded, int track_width, Planes&& reuse) {
  VideoFrame frame = {reader.index(), reader.pts(), reader.seconds(), display_size(decoded), std::move(reuse)};
  scale_planes(decoded, fit_size(frame.source, track_width), frame.planes);
  return frame;
}

FrameRefetch::FrameRefetch(Open open, int track_width, PlanesPool& pool, FrameSpill& spill)
    : open_(std::move(open)), track_width_(track_width), pool_(pool), spill_(spill) {}

VideoFrame FrameRefetch::fetch(int64_t index, double seconds) {
  throw_if_interrupted();
  const Stopwatch watch;
  VideoFrame frame;
  frame.planes = pool_.take();
  if (!spill_.take(index, frame)) {
    pool_.give(std::move(frame.planes));
    frame = decode(index, seconds);
  }
  busy_s_ += watch.seconds();
  return frame;
}

VideoFrame FrameRefetch::decode(int64_t index, double seconds) {
  if (!reader_) reader_ = open_();
  if (index != next_ && index < known_) {
    reader_->seek(index);
  } else if (index != next_) {
    reader_->seek_seconds(seconds);
  }
  const DecodedFrame* decoded = reader_->next();
  while (decoded != nullptr && reader_->index() < index) decoded = reader_->next();
  if (decoded == nullptr || reader_->index() != index) {
    throw Error(ErrorCode::Malformed, {.where = "frame " + std::to_string(index),
                                       .what = "the video does not decode twice to the same frames"});
  }
  next_ = index + 1;
  known_ = std::max(known_, next_);
  ++frames_;
  return scaled_frame(*reader_, *decoded, track_width_, pool_.take());
}

FrameBuffer::FrameBuffer(int64_t bytes, PlanesPool& pool, FrameRefetch& refetch)
    : capacity_(bytes), pool_(pool), refetch_(refetch) {}

void FrameBuffer::keep(VideoFrame&& frame) {
  frame_bytes_ = bytes_of(frame.planes);
  bytes_ += frame_bytes_;
  end_ = frame.index + 1;
  frames_.push_back(std::move(frame));
}

void FrameBuffer::push(VideoFrame&& frame) {
  if (frames_.empty() && end_ == pushed_) end_ = frame.index;
  pushed_ = frame.index + 1;
  if (frame.index == end_ && has_room()) return keep(std::move(frame));
  if (frame.index == end_) end_seconds_ = frame.seconds;
  refetch_.spill().offer(frame);
  pool_.give(std::move(frame.planes));
}

void FrameBuffer::visit(FrameRange range, const Visit& visit) {
  for (int64_t index = range.first; index < range.last; ++index) {
    MAGMA_CHECK(index < pushed_, "frame {} of {}", index, pushed_);
    const int64_t begin = end_ - static_cast<int64_t>(frames_.size());
    if (index < end_) {
      visit(frames_[static_cast<size_t>(index - begin)]);
      continue;
    }
    VideoFrame frame = refetch_.fetch(index, end_seconds_);
    visit(frame);
    if (index == end_ && has_room()) {
      keep(std::move(frame));
    } else {
      pool_.give(std::move(frame.planes));
    }
  }
}

void FrameBuffer::release_before(int64_t index) {
  while (!frames_.empty() && frames_.front().index < index) {
    bytes_ -= bytes_of(frames_.front().planes);
    pool_.give(std::move(frames_.front().planes));
    frames_.pop_front();
  }
  end_ = std::max(end_, index);
  refetch_.spill().release_before(index);
}

void FrameBuffer::refill() {
  while (end_ < pushed_ && has_room()) keep(refetch_.fetch(end_, end_seconds_));
}

}  // namespace magma
