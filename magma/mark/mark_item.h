// The work on one item of a run: video -> clips -> records, samples, tensors, pictures and videos in its spool.
#pragma once

#include "magma/mark/clip_pipeline.h"
#include "magma/mark/mark_run.h"

namespace magma {

struct MarkItemOptions {
  MarkConfig config;
  int threads = 1;  // of one item
  bool videos = true;
  const PointTracks* given_tracks = nullptr;  // instead of tracking; outlives the work
  Progress* frames = nullptr;                 // counts the frames of a single item
};

ItemWork mark_item_work(const MarkItemOptions& options);

}  // namespace magma
