// ClipMaker: the frames of one clip -> tracks, marks, record, pictures.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "magma/mark/clip_pipeline.h"
#include "magma/mark/clip_split.h"
#include "magma/mark/frame_buffer.h"

namespace magma {

struct ClipPlace {
  int64_t shot = 0, clip = 0;
  FrameRange frames;       // of the video
  int64_t item_first = 0;  // the item's first frame: given tracks count from it
};

class ClipMaker {
 public:
  ClipMaker(const PipelineItem& item, const MarkConfig& config, const PipelineOptions& options, const VideoInfo& info);
  void make(const ClipPlace& place, FrameBuffer& buffer, PipelineSink& sink);
  const std::map<std::string, double>& seconds() const { return seconds_; }

 private:
  struct Tracked;
  Tracked track(const ClipPlace& place, FrameBuffer& buffer);
  void show(const ClipPlace& place, FrameBuffer& buffer, const PointTracks& tracks, PipelineSink& sink);
  ClipRecord describe(const ClipPlace& place, const Tracked& tracked) const;

  const PipelineItem& item_;
  const MarkConfig& config_;
  const PipelineOptions& options_;
  VideoInfo info_;
  VideoIdentity identity_;
  std::unique_ptr<MarkProcedure> procedure_;
  std::map<std::string, double> seconds_;
};

}  // namespace magma
