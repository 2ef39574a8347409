// Single frames of a video, upright, by number.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/core/file.h"
#include "magma/image/image.h"
#include "magma/image/video_reader.h"

namespace magma {

// Frames `indices` (ascending, may repeat) of an open video, at `size` px. Error(Malformed) for one beyond its end.
std::vector<Image> read_video_frames(VideoReader& video, const Path& path, const std::vector<int64_t>& indices,
                                     Size size);

// Frames first .. end - 1 without the last frame of the video: all but the last of those up to `end` that there are.
std::vector<Image> read_clip_frames(VideoReader& video, int64_t first, int64_t end, Size size);

}  // namespace magma
