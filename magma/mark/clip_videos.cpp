#include "magma/mark/clip_videos.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/error.h"

namespace magma {
namespace {

// The reference's pens at 640 px: 2 px for all tracks, 3 px for the traces of the marks.
float pen_px(Size frame, float at_640_px) {
  return std::max(1.0F, at_640_px * std::min(static_cast<float>(frame.w), 1.33F * static_cast<float>(frame.h)) / 640);
}

std::vector<Mark> marks_in(Size frame, const ClipMarks& marks) {
  std::vector<Mark> scaled = marks.marks;
  const Size tracked = marks.stabilised.frame;
  if (frame == tracked) return scaled;
  for (Mark& mark : scaled) mark.position = rescale(mark.position, tracked, frame);
  return scaled;
}

// Positions and visibility of the moving marks' points in one frame of the clip, px of `size`.
struct TraceRow {
  std::vector<Point> xy;
  std::vector<uint8_t> visible;
};

TraceRow moving_row(const ClipMarks& marks, int64_t frame, Size size) {
  TraceRow row;
  for (const Mark& mark : marks.marks) {
    if (!mark.moving) continue;
    row.xy.push_back(rescale(marks.stabilised.at(frame, mark.point), marks.stabilised.frame, size));
    row.visible.push_back(marks.stabilised.is_visible(frame, mark.point) ? 1 : 0);
  }
  return row;
}

}  // namespace

Image marked_image(const Image& frame, const ClipMarks& marks) {
  Image image = frame;
  draw_marks(image, marks_in(frame.size, marks));
  return image;
}

OrigTraceWriter::OrigTraceWriter(Path path) : path_(std::move(path)) {}
OrigTraceWriter::~OrigTraceWriter() = default;

void OrigTraceWriter::write(const Image& frame, const std::vector<Point>& xy, const std::vector<uint8_t>& visible) {
  if (!overlay_) overlay_ = std::make_unique<TraceOverlay>(frame.size, xy, pen_px(frame.size, 2));
  drawn_ = frame;
  overlay_->draw(drawn_, xy, visible);
  int copies = 1;
  if (!writer_) {
    writer_ = open_video_writer(path_, frame.size);
    copies = kHeldFrames;
  }
  for (int i = 0; i < copies; ++i) writer_->write(drawn_);
}

void OrigTraceWriter::restart_traces() { overlay_.reset(); }

void OrigTraceWriter::finish() {
  MAGMA_CHECK(writer_ != nullptr, "a video without frames");
  writer_->finish();
  writer_.reset();
}

ClipVideos::ClipVideos(Path folder, std::string item) : folder_(std::move(folder)), item_(std::move(item)) {}
ClipVideos::~ClipVideos() = default;

void ClipVideos::shot_begins(int64_t shot) {
  shot_folder_ = folder_ / fmt::format("{}-s{:03}", item_, shot);
  std::error_code error;
  std::filesystem::create_directories(shot_folder_, error);
  if (error) throw system_error("mkdir", shot_folder_.string(), error.value());
  orig_trace_ = std::make_unique<OrigTraceWriter>(shot_folder_ / "orig_trace.mp4");
}

void ClipVideos::frame(int64_t index_in_clip, const Image& rgb, const PointTracks& tracks) {
  MAGMA_CHECK(orig_trace_ != nullptr, "a frame outside a shot");
  if (index_in_clip == 0) orig_trace_->restart_traces();
  const auto begin = index_in_clip * tracks.N, end = begin + tracks.N;
  std::vector<Point> xy(tracks.xy.begin() + begin, tracks.xy.begin() + end);
  for (Point& point : xy) point = rescale(point, tracks.frame, rgb.size);
  orig_trace_->write(rgb, xy, {tracks.visible.begin() + begin, tracks.visible.begin() + end});
}

void ClipVideos::clip(const ClipResult& result) {
  const ClipMarks& marks = result.record.marks;
  const Size size = result.first_frame.size;
  const std::vector<Mark> drawn = marks_in(size, marks);
  const int held = som_tom_ ? 1 : kHeldFrames;
  if (!som_tom_) som_tom_ = open_video_writer(shot_folder_ / "som_tom.mp4", size);
  TraceOverlay overlay(size, moving_row(marks, 0, size).xy, pen_px(size, 3));
  Image image;
  for (int64_t f = 0; f < result.tracks.F; ++f) {
    image = result.first_frame;
    const TraceRow row = moving_row(marks, f, size);
    overlay.draw(image, row.xy, row.visible);
    draw_marks(image, drawn);  // above the traces: numbers stay readable
    for (int i = 0; i < (f == 0 ? held : 1); ++i) som_tom_->write(image);
  }
}

void ClipVideos::shot_ends() {
  MAGMA_CHECK(orig_trace_ != nullptr && som_tom_ != nullptr, "a shot without a clip");
  orig_trace_->finish();
  som_tom_->finish();
  orig_trace_.reset();
  som_tom_.reset();
}

}  // namespace magma
