// FramePlanes: FFmpeg's frame as a DecodedFrame. 8-bit planar frames are lent as they are, all others converted.
#pragma once

#include "magma/image/media/ffmpeg.h"
#include "magma/image/planes.h"

namespace magma {

class FramePlanes {
 public:
  // Borrows from `frame` or from itself until the next call. Refused: a side out of limits().
  const DecodedFrame& view(const AVFrame& frame, int rotation);

 private:
  const AVFrame& converted(const AVFrame& frame);

  FfmpegPointer<AVFrame> target_;
  FfmpegPointer<SwsContext> scaler_;
  DecodedFrame view_;
};

// Degrees clockwise that turn the stored picture upright: 0, 90, 180, 270. Angles between them count as 0.
int upright_rotation(const AVStream& stream);

}  // namespace magma
