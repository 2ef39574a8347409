// ClipRecord: the line of JSON that explains one clip, and its tensors. Source: som_tom.md 6.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "magma/image/video_reader.h"
#include "magma/mark/clip_marks.h"

namespace magma {

struct VideoIdentity {
  std::string path;  // as the user gave it
  std::string sha1;  // of the first MiB
  int64_t bytes = 0;
};

struct ClipRecord {
  std::string id;    // prefix of its tensors: ITEM-s000-c000
  std::string item;  // id of the list line or video stem
  int64_t shot = 0, clip = 0;
  VideoIdentity video;
  int64_t first = 0, last = 0;          // frames of the video, last exclusive
  int64_t pts_first = 0, pts_last = 0;  // of the first and the last frame inside
  Rational timebase, fps;
  Size source, track;
  int rotation = 0;
  std::string tracker, tracker_version;
  int64_t grid = 0;
  std::optional<std::string> text;
  MarkConfig config;
  ClipMarks marks;
  std::string image;  // marked image, relative to the output folder; empty when none
};

nlohmann::json to_json(const ClipRecord& record);
// An item that yielded nothing: status "failed", the error's code and line.
nlohmann::json failed_record(const std::string& item, const VideoIdentity& video, const std::string& code,
                             const std::string& reason);

// LLaVA-style samples {"id", "image", "conversations": [{"from", "value"}]} of a clip, per data_formats.md 4.5-4.6.
std::vector<nlohmann::json> training_samples(const ClipRecord& record);

}  // namespace magma
