// Planes: a frame as luma and chroma, which is how video stores it and all that tracking and shot detection need.
// RGB is made only where a picture is drawn.
#pragma once

#include <cstdint>

#include "magma/image/image.h"

namespace magma {

// A decoded 8-bit planar frame, borrowed from the reader until its next call. Not yet rotated.
struct DecodedFrame {
  const uint8_t* plane[3] = {nullptr, nullptr, nullptr};  // Y, U, V; U and V null for grey
  int stride[3] = {0, 0, 0};                              // bytes
  Size size;                                              // luma, as stored
  Size chroma;                                            // U and V
  bool full_range = false;                                // else Y 16..235, U and V 16..240
  bool bt709 = false;                                     // matrix: else BT.601
  int rotation = 0;                                       // 0, 90, 180, 270 degrees clockwise to display upright
};

// Upright, full range (Y 0..255; U, V around 128).
struct Planes {
  GreyImage luma;  // [H, W]
  GreyImage u, v;  // [ceil(H/2), ceil(W/2)]
  bool bt709 = false;
};

Size display_size(const DecodedFrame& frame);  // after rotation

// The size work is done at: longer side at most `longer_side` px, never enlarged, aspect kept, sides >= 1.
Size fit_size(Size source, int longer_side);

// Area-averaged copy at `luma` px. Reuses the memory of `out`.
void scale_planes(const DecodedFrame& frame, Size luma, Planes& out);
// The same with plain bilinear sampling (no antialias), as the content detector's definition demands (som_tom.md 4.1).
void sample_planes(const DecodedFrame& frame, Size luma, Planes& out);
void planes_to_rgb(const Planes& planes, Image& out);  // chroma interpolated; size of the luma

}  // namespace magma
