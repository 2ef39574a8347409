// Shots into clips of equal length, and the reference's windows of 16 frames. Source: som_tom.md 1.1 and 4.2.
#pragma once

#include <cstdint>
#include <vector>

namespace magma {

// Frames of the video, `last` exclusive.
struct FrameRange {
  int64_t first = 0, last = 0;
  int64_t count() const { return last - first; }
  friend bool operator==(const FrameRange& a, const FrameRange& b) { return a.first == b.first && a.last == b.last; }
};

// ceil(L / longest) clips that cover the shot; lengths differ by at most one frame, longer clips first.
std::vector<FrameRange> split_clips(FrameRange shot, int64_t longest);

// Whole windows only: what is left at the end of the shot is no window.
std::vector<FrameRange> split_windows(FrameRange shot, int64_t length = 16, int64_t stride = 16);

}  // namespace magma
