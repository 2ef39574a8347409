// VideoItem: one item of an annotation of videos with traces, and where its files are. Source:
// data_formats.md 4.2, 4.3.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "magma/core/json.h"
#include "magma/data/media_path.h"
#include "magma/data/trace_file.h"

namespace magma {

// What differs between the families, by tag.
struct VideoFamily {
  bool annotated = false;    // instruction in "annotations", traces named by the item (Ego4D and its like)
  bool ego_centric = false;  // the camera always moves
  bool scenes = false;       // Epic-Kitchens: what is seen, and what to do next
  bool narrated = false;     // somebody says what is done
  double min_speed_cells = 0;
};
// Error(Usage) for a tag that is no family of videos.
VideoFamily video_family(const std::string& tag);

struct VideoItem {
  std::string video;                 // as the file names it
  std::optional<std::string> trace;  // of annotated families
  std::string instruction;           // global_instructions
  std::string response;              // gpt_response
  bool caption = false;              // task "captioner"
  std::optional<std::array<int64_t, 2>> image_size, height_width, frame_interval;

  // What the trace file says goes before what the annotation says.
  void merge(const TraceFile& trace);
  std::array<int64_t, 2> interval() const;  // [first, end); Error(Malformed) when it is not known or is no interval
};

VideoItem parse_video_item(const Json& item, const VideoFamily& family, const std::string& file,
                           const std::string& where);

// Whether the reference trains on it (4.3). Error(Malformed) when it does not say what decides.
bool passes_ego4d(const VideoItem& item);
bool passes_epic(const VideoItem& item);

MediaPath video_path(const VideoItem& item, const VideoFamily& family, const std::string& folder);
MediaPath trace_path(const VideoItem& item, const VideoFamily& family, const std::string& folder);

// The size of the frames the tracks are in, of a video of `video` px. Error(Malformed) when neither order of
// (height,width) goes with the video.
Size tracked_size(const VideoItem& item, Size video);

}  // namespace magma
