// Content score and merge filter of the reference's shot detector. Source: som_tom.md 4.1, rules 1 to 5.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "magma/image/planes.h"

namespace magma {

// Longer side 256 px, at least 1; smaller frames as they are.
Size content_sample_size(Size source);

// HSV in OpenCV's 8-bit convention (hue 0..179), mean absolute difference to the frame before, mean of the channels.
class ContentScore {
 public:
  double push(const Planes& sample);  // 0 for the first frame
  const Image& rgb() const { return rgb_; }

 private:
  Image rgb_;
  std::vector<uint8_t> hsv_, previous_;  // [H, W, 3]
};

// Cuts nearer than `min_frames` to the last frame above the threshold are merged into one.
class MergeFilter {
 public:
  explicit MergeFilter(int64_t min_frames) : min_frames_(min_frames) {}
  std::optional<int64_t> push(bool above);  // the cut that became certain with this frame
  int64_t settled() const;                  // no cut will be reported before this frame any more

 private:
  int64_t min_frames_;
  int64_t frames_ = 0;
  int64_t last_above_ = 0;
  int64_t merge_start_ = 0;
  bool enabled_ = false;  // merging begins only after a first cut
  bool merging_ = false;
};

}  // namespace magma
