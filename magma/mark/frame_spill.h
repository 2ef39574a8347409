// FrameSpill: frames that memory has no room for, in a nameless file on the output's disk. An offer, not a promise:
// what it cannot take (disk too full, no such file possible) is decoded again.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/core/file.h"
#include "magma/mark/frame_buffer.h"

namespace magma {

class FrameSpill {
 public:
  // Uses at most `bytes` and a quarter of the disk's free space, in `folder`; empty or 0: takes nothing.
  FrameSpill(Path folder, int64_t bytes);
  FrameSpill(const FrameSpill&) = delete;
  FrameSpill& operator=(const FrameSpill&) = delete;
  ~FrameSpill();

  void offer(const VideoFrame& frame);
  bool take(int64_t index, VideoFrame& frame);  // false: not here
  void release_before(int64_t index) { first_wanted_ = index; }

 private:
  struct Slot {
    VideoFrame frame;  // without pixels
    bool is_used = false;
  };

  bool open(int64_t frame_bytes);
  void close();

  Path folder_;
  int64_t bytes_;
  int file_ = -1;
  int64_t slot_bytes_ = 0;
  std::vector<Slot> slots_;  // frame i lies in slot i modulo their number
  int64_t first_wanted_ = 0;
};

}  // namespace magma
