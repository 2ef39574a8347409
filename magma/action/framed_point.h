// Points that say in which frame they are. In pixels a picture reaches from 0 to its width: pixel k covers k .. k + 1,
// its centre is k + 0.5. So resizing with half-pixel centres, ratios and the grid are all one scaling.
// Source: model.md 1.3, 6.5, 6.6.
#pragma once

#include <string_view>

#include "magma/core/geometry.h"

namespace magma {

enum class Frame {
  Original,    // px of the picture as given
  ModelInput,  // px of the canvas that the model sees: columns and rows of crops
  Relative,    // 0 .. 1 of width and height
  Grid         // cells of the 256 x 256 grid, whole numbers, rounded down
};

std::string_view frame_name(Frame frame);  // "original_px", "model_input_px", "relative", "grid256"

struct FramedPoint {
  Frame frame = Frame::Relative;
  double x = 0, y = 0;
};

inline constexpr int kGridSide = 256;

struct FrameSizes {
  Size original{}, model_input{};  // px; 0 x 0: not known
  bool knows(Frame frame) const;
};

// Of a cell its upper left corner, as the reference has it. A frame whose size is not known is Error(Usage).
FramedPoint in_frame(FramedPoint point, Frame frame, const FrameSizes& sizes);

// The same place in the original picture with pixel centres at whole numbers, as magma/core/geometry.h has them.
Point pixel_of(FramedPoint point, const FrameSizes& sizes);

}  // namespace magma
