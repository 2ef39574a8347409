// Timeline: the time stamps of a video's first frames in presentation order, made strictly increasing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "magma/image/media/demuxer.h"

namespace magma {

class Timeline {
 public:
  // `step`: ticks of one frame, for where the video tells none. `jump`: ticks of one second.
  Timeline(int64_t step, int64_t jump) : step_(step), jump_(jump) {}

  int64_t count() const { return static_cast<int64_t>(pts_.size()); }
  int64_t at(int64_t index) const { return pts_[static_cast<size_t>(index)]; }
  // True while every stamp was there and in order: only then does a stamp name one frame, and seeking can trust it.
  bool is_sound() const { return sound_; }
  void append(std::optional<int64_t> pts);
  void mark_unsound() { sound_ = false; }
  // First frame with a stamp >= pts; count() where none is known yet.
  int64_t first_at_or_after(int64_t pts) const;

  // Reads packets, without decoding, until all frames up to the first with a stamp >= `pts` are known. False where
  // packets do not tell frames (hidden frames, fields, other containers than MP4 and Matroska, disorder).
  bool extend_from_packets(const VideoInput& input, int64_t pts);

 private:
  std::vector<int64_t> pts_;
  int64_t step_, jump_;
  int64_t offset_ = 0;  // added since the clock of the stream last jumped back
  bool sound_ = true;
};

}  // namespace magma
