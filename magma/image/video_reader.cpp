#include "magma/image/video_reader.h"

#include <cctype>
#include <string>

#include "magma/core/error.h"
#include "magma/image/media/media_library.h"

namespace magma {
namespace {

// "scheme:..." as in addresses and FFmpeg's protocols, of two letters or more.
bool is_address(const std::string& name) {
  const size_t colon = name.find(':');
  if (colon == name.npos || colon < 2) return false;
  for (size_t i = 0; i < colon; ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (std::isalnum(c) == 0 && c != '+' && c != '-' && c != '.') return false;
  }
  return std::isalpha(static_cast<unsigned char>(name[0])) != 0;
}

// "frame%03d.png": a pattern that names many files.
bool is_pattern(const std::string& name) {
  for (size_t at = name.find('%'); at != name.npos; at = name.find('%', at + 1)) {
    const size_t end = name.find_first_not_of("0123456789", at + 1);
    if (end != name.npos && name[end] == 'd') return true;
  }
  return false;
}

// A name that no file bears and that asks for something else than a file.
void refuse_other_names(const Path& path) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) return;
  const std::string name = path.string();
  if (!is_address(name) && !is_pattern(name)) return;
  throw Error(ErrorCode::Refused, {.file = name,
                                   .what = "only files are opened",
                                   .expected = "the name of a video file",
                                   .got = is_address(name) ? "an address" : "a pattern for many files",
                                   .hint = "fetch the video or make one from the pictures first"});
}

VideoInput open_input(const Path& path) {
  refuse_other_names(path);
  auto file = std::make_unique<InputFile>(path);
  if (file->size() == 0) throw Error(ErrorCode::Malformed, {.file = file->name(), .what = "the file is empty"});
  const VideoContainer container = detect_video_container(*file);
  if (container == VideoContainer::None) {
    refuse_references(*file);
    throw Error(ErrorCode::Malformed,
                {.file = file->name(),
                 .where = "byte 0",
                 .what = "not a video",
                 .expected = "MP4, MOV, Matroska, WebM, AVI, GIF, MPEG-TS, MPEG-PS, FLV, Ogg, Y4M or ASF"});
  }
  require_whole_container(*file, container);
  return {std::move(file), container};
}

}  // namespace

std::unique_ptr<VideoReader> open_video(const Path& path, const VideoOptions& options) {
  VideoInput input = open_input(path);
  static const auto open = reinterpret_cast<MediaOpenVideo>(media_function(kMediaOpenVideo));
  return std::unique_ptr<VideoReader>(open(std::move(input), options));
}

bool looks_like_video(const Path& path) { return detect_video_container(InputFile(path)) != VideoContainer::None; }

}  // namespace magma
