// FrameStructure: a small picture of where light and dark lie, blind to exposure and to a shift of the view. Tells a
// change of scene from a change of light and from a fast pan.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/image/image.h"

namespace magma {

class FrameStructure {
 public:
  explicit FrameStructure(const GreyImage& luma);
  // A picture without any detail, such as black or white.
  bool flat() const { return flat_; }

  // Highest correlation of b's centre half with any place in a: -1..1. Two flat pictures are alike (1), a flat one and
  // another are not (0). Both of one size.
  friend double similarity(const FrameStructure& a, const FrameStructure& b);

 private:
  Size size_;                    // longer side at most 64
  std::vector<int16_t> detail_;  // [H, W] luma less its neighbourhood's, in half grey levels
  bool flat_ = false;
};

}  // namespace magma
