#include "magma/action/framed_point.h"

#include <cmath>
#include <string>

#include "magma/core/check.h"
#include "magma/core/error.h"

namespace magma {
namespace {

Size extent(Frame frame, const FrameSizes& sizes) {
  if (!sizes.knows(frame)) {
    throw Error(ErrorCode::Usage,
                {.where = std::string(frame_name(frame)), .what = "the size of this frame is not known"});
  }
  switch (frame) {
    case Frame::Original:
      return sizes.original;
    case Frame::ModelInput:
      return sizes.model_input;
    case Frame::Relative:
      return {1, 1};
    case Frame::Grid:
      return {kGridSide, kGridSide};
  }
  MAGMA_CHECK(false, "frame {}", static_cast<int>(frame));
}

// The product first: cell -> px -> cell then gives the cell again, exactly.
double scaled(double value, int from, int to) { return from == to ? value : value * to / from; }

}  // namespace

std::string_view frame_name(Frame frame) {
  switch (frame) {
    case Frame::Original:
      return "original_px";
    case Frame::ModelInput:
      return "model_input_px";
    case Frame::Relative:
      return "relative";
    case Frame::Grid:
      return "grid256";
  }
  MAGMA_CHECK(false, "frame {}", static_cast<int>(frame));
}

bool FrameSizes::knows(Frame frame) const {
  if (frame == Frame::Original) return original.w > 0 && original.h > 0;
  if (frame == Frame::ModelInput) return model_input.w > 0 && model_input.h > 0;
  return true;
}

FramedPoint in_frame(FramedPoint point, Frame frame, const FrameSizes& sizes) {
  const Size from = extent(point.frame, sizes), to = extent(frame, sizes);
  FramedPoint result{frame, scaled(point.x, from.w, to.w), scaled(point.y, from.h, to.h)};
  if (frame == Frame::Grid) {
    result.x = std::trunc(result.x);
    result.y = std::trunc(result.y);
  }
  return result;
}

Point pixel_of(FramedPoint point, const FrameSizes& sizes) {
  const FramedPoint original = in_frame(point, Frame::Original, sizes);
  return {static_cast<float>(original.x - 0.5), static_cast<float>(original.y - 0.5)};
}

}  // namespace magma
