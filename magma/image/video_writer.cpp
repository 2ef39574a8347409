#include "magma/image/video_writer.h"

#include "magma/image/media/media_library.h"

namespace magma {

std::unique_ptr<VideoWriter> open_video_writer(const Path& path, Size size, const VideoWriterOptions& options) {
  static const auto open = reinterpret_cast<MediaOpenWriter>(media_function(kMediaOpenWriter));
  return std::unique_ptr<VideoWriter>(open(path, size, options));
}

}  // namespace magma
