// VideoWriter: RGB frames to an H.264 MP4 that every browser plays. Same frames -> same bytes.
#pragma once

#include <memory>

#include "magma/core/file.h"
#include "magma/image/image.h"

namespace magma {

struct VideoWriterOptions {
  int fps_num = 10, fps_den = 1;
  int crf = 25;
  const char* preset = "veryfast";
};

class VideoWriter {
 public:
  virtual ~VideoWriter() = default;            // an unfinished file is left to the caller's staging folder
  virtual void write(const Image& frame) = 0;  // every frame of the size given at opening
  virtual void finish() = 0;                   // Error(FileSystem) when the disk is full
};

std::unique_ptr<VideoWriter> open_video_writer(const Path& path, Size size, const VideoWriterOptions& options = {});

}  // namespace magma
