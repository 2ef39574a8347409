// ClipPipeline: one decode of a video -> shots -> clips -> tracks -> marks. Memory is bounded whatever the length.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "magma/image/image.h"
#include "magma/image/video_reader.h"
#include "magma/mark/clip_record.h"
#include "magma/mark/mark_config.h"
#include "magma/track/tracks.h"

namespace magma {

struct PipelineItem {
  std::string id;
  Path video;              // as it is opened
  std::string video_name;  // as the user gave it
  std::optional<double> start_s, end_s;
  std::optional<std::string> text;
  const PointTracks* given_tracks = nullptr;  // of the whole item instead of tracking
};

struct PipelineOptions {
  int threads = 1;
  int64_t buffer_bytes = int64_t{96} << 20;  // planes kept while the end of a shot is unknown
  Path spill_folder;                         // for frames beyond the buffer; empty: they are decoded again
  int64_t spill_bytes = int64_t{1} << 30;
  bool pictures = true;  // every frame is wanted, not only the first of each clip
  std::function<std::unique_ptr<VideoReader>(const Path&, const VideoOptions&)> open = open_video;
};

struct ClipResult {
  ClipRecord record;
  PointTracks tracks;  // raw
  Image first_frame;   // at the tracking size
};

// Called in order. For every shot: shot_begins, then its clips; with pictures, each clip's frames (tracking size, RGB)
// through frame() before clip().
class PipelineSink {
 public:
  virtual ~PipelineSink() = default;
  virtual void shot_begins(int64_t shot, int64_t first, int64_t last) = 0;
  virtual void frame(int64_t index_in_clip, const Image& rgb, const PointTracks& tracks) = 0;
  virtual void clip(const ClipResult& result) = 0;
  virtual void shot_ends(int64_t shot) = 0;
  virtual void dropped(int64_t first, int64_t last, const std::string& reason) = 0;  // e.g. a shot too short
  virtual void progress(int64_t frames_decoded) = 0;
};

struct PipelineSummary {
  VideoInfo video;
  int64_t frames = 0, damaged_frames = 0, shots = 0, clips = 0, redecoded_frames = 0;
  std::map<std::string, double> seconds;  // per stage: decode, scale, shots, redecode, track, marks, draw
};

// Clips of a shot are equally long to a frame, so they are cut when its end is known. Frames beyond the buffer
// and the spill are decoded a second time then. Shots below config.min_clip_frames are dropped ("short_shot") but keep
// their number. Errors: those of the reader; Malformed when no frame lies in [start_s, end_s) or given tracks have
// another number of frames; Usage for unknown plug-ins; Interrupted.
PipelineSummary run_pipeline(const PipelineItem& item, const MarkConfig& config, const PipelineOptions& options,
                             PipelineSink& sink);

}  // namespace magma
