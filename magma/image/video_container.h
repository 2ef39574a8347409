// Containers of video: which one a file is by its content, and whether the whole file is there. Knows no codecs.
#pragma once

#include <string_view>

#include "magma/image/input_file.h"

namespace magma {

enum class VideoContainer { None, Iso, Avi, Matroska, Gif, MpegTs, MpegPs, Flv, Ogg, Yuv4Mpeg, Asf };

std::string_view video_container_name(VideoContainer container);  // "mp4", "avi", ... as shown to users

VideoContainer detect_video_container(const InputFile& file);

// Error(Refused) for text that names other media: playlists, manifests, session descriptions, concat scripts.
void refuse_references(const InputFile& file);

// Walks the structure of the file: Error(Malformed) with the byte offset where something that it promises is missing.
// Bytes after the end are no error. A cut that falls between two packets cannot be seen in MPEG-TS, MPEG-PS, Y4M, in
// fragmented MP4 and in live Matroska, AVI and FLV (sizes unknown), which state no length.
void require_whole_container(const InputFile& file, VideoContainer container);

}  // namespace magma
