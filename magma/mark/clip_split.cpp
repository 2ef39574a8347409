#include "magma/mark/clip_split.h"

#include "magma/core/check.h"

namespace magma {

std::vector<FrameRange> split_clips(FrameRange shot, int64_t longest) {
  MAGMA_CHECK(longest >= 1 && shot.count() >= 0, "a shot of {} frames in clips of {}", shot.count(), longest);
  const int64_t clips = shot.count() / longest + (shot.count() % longest != 0 ? 1 : 0);
  std::vector<FrameRange> result;
  int64_t first = shot.first;
  for (int64_t i = 0; i < clips; ++i) {
    const int64_t length = shot.count() / clips + (i < shot.count() % clips ? 1 : 0);
    result.push_back({first, first + length});
    first += length;
  }
  return result;
}

std::vector<FrameRange> split_windows(FrameRange shot, int64_t length, int64_t stride) {
  MAGMA_CHECK(length >= 1 && stride >= 1, "windows of {} frames, stride {}", length, stride);
  std::vector<FrameRange> result;
  for (int64_t first = shot.first; first + length <= shot.last; first += stride) {
    result.push_back({first, first + length});
  }
  return result;
}

}  // namespace magma
