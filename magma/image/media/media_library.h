// What the media library offers the program: two functions, found by name when the first video is opened.
#pragma once

#include <memory>

#include "magma/image/input_file.h"
#include "magma/image/video_container.h"
#include "magma/image/video_reader.h"
#include "magma/image/video_writer.h"

namespace magma {

struct VideoInput {
  std::unique_ptr<InputFile> file;
  VideoContainer container = VideoContainer::None;
};

// The caller owns what it gets. Both throw Error.
using MediaOpenVideo = VideoReader* (*)(VideoInput input, const VideoOptions& options);
using MediaOpenWriter = VideoWriter* (*)(const Path& path, Size size, const VideoWriterOptions& options);
inline constexpr const char* kMediaOpenVideo = "media_open_video";
inline constexpr const char* kMediaOpenWriter = "media_open_writer";

// The address of one of them. Error(Resource) naming the library where it is missing or does not fit.
void* media_function(const char* name);

}  // namespace magma
