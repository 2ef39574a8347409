// The pictures of a clip: its marked frame, and the two videos of each shot. Source: som_tom.md 5.3.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "magma/core/file.h"
#include "magma/image/video_writer.h"
#include "magma/mark/clip_pipeline.h"
#include "magma/mark/draw_marks.h"
#include "magma/track/tracker.h"

namespace magma {

inline constexpr int kHeldFrames = 10;  // how often a video shows its first frame

// `frame` with the marks on it; of another size than the tracks' frame: marks scaled.
Image marked_image(const Image& frame, const ClipMarks& marks);

// orig_trace.mp4: frames with every track and its visibility, 10 frames/s, the first frame held.
class OrigTraceWriter {
 public:
  explicit OrigTraceWriter(Path path);
  ~OrigTraceWriter();
  // `xy`, `visible` [N] in px of the frame. All frames of one size.
  void write(const Image& frame, const std::vector<Point>& xy, const std::vector<uint8_t>& visible);
  void restart_traces();  // the next frame is the first of new points
  void finish();

 private:
  Path path_;
  std::unique_ptr<VideoWriter> writer_;
  std::unique_ptr<TraceOverlay> overlay_;
  Image drawn_;
};

// Writes FOLDER/ITEM-sNNN/orig_trace.mp4 and som_tom.mp4 for every shot: to be called as a PipelineSink is.
// som_tom.mp4 shows each clip's marked frame for as long as the clip, while the moving marks' traces grow on it in
// stabilised coordinates. Both have the shot's frames + 9. Keeps no frame but the one at hand.
class ClipVideos {
 public:
  ClipVideos(Path folder, std::string item);
  ~ClipVideos();
  void shot_begins(int64_t shot);
  void frame(int64_t index_in_clip, const Image& rgb, const PointTracks& tracks);
  void clip(const ClipResult& result);
  void shot_ends();

 private:
  Path folder_;
  std::string item_;
  Path shot_folder_;
  std::unique_ptr<OrigTraceWriter> orig_trace_;
  std::unique_ptr<VideoWriter> som_tom_;
};

}  // namespace magma
