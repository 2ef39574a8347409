#include "magma/mark/clip_maker.h"

#include <filesystem>
#include <utility>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/clock.h"
#include "magma/core/hash.h"
#include "magma/track/query_points.h"
#include "magma/track/tracker.h"

namespace magma {
namespace {

void append_row(const TrackRow& row, PointTracks& tracks) {
  MAGMA_CHECK(row.frame == tracks.F, "row {} came as number {}", row.frame, tracks.F);
  tracks.xy.insert(tracks.xy.end(), row.xy.begin(), row.xy.end());
  tracks.visible.insert(tracks.visible.end(), row.visible.begin(), row.visible.end());
  tracks.confidence.insert(tracks.confidence.end(), row.confidence.begin(), row.confidence.end());
  ++tracks.F;
}

// Rows [range.first, range.last) in pixels of `frame`; tracks that do not say their frame are in the video's pixels.
PointTracks slice(const PointTracks& all, FrameRange range, Size frame, Size source) {
  const auto begin = range.first * all.N, end = range.last * all.N;
  PointTracks part;
  part.F = range.count();
  part.N = all.N;
  part.frame = frame;
  part.xy.assign(all.xy.begin() + begin, all.xy.begin() + end);
  part.visible.assign(all.visible.begin() + begin, all.visible.begin() + end);
  part.confidence.assign(all.confidence.begin() + begin, all.confidence.begin() + end);
  const Size given = all.frame.w > 0 ? all.frame : source;
  if (given == frame) return part;
  for (Point& point : part.xy) point = rescale(point, given, frame);
  return part;
}

VideoIdentity identify(const PipelineItem& item) {
  return {item.video_name, sha1_of_first_mebibyte(item.video),
          static_cast<int64_t>(std::filesystem::file_size(item.video))};
}

}  // namespace

struct ClipMaker::Tracked {
  PointTracks tracks;
  std::vector<float> quality;  // [N]
  std::string version;
  Image first_frame;
  Size source;
  int64_t pts_first = 0, pts_last = 0;
};

ClipMaker::ClipMaker(const PipelineItem& item, const MarkConfig& config, const PipelineOptions& options,
                     const VideoInfo& info)
    : item_(item),
      config_(config),
      options_(options),
      info_(info),
      identity_(identify(item)),
      procedure_(MarkProcedures::make(config.variant)) {}

void ClipMaker::make(const ClipPlace& place, FrameBuffer& buffer, PipelineSink& sink) {
  const Stopwatch tracking;
  Tracked tracked = track(place, buffer);
  seconds_["track"] += tracking.seconds();
  const Stopwatch marking;
  ClipResult result;
  result.record = describe(place, tracked);
  const ClipInput input = {result.record.id, &tracked.tracks, std::move(tracked.quality), info_.fps.value()};
  result.record.marks = procedure_->make(input, config_);
  seconds_["marks"] += marking.seconds();
  const Stopwatch drawing;
  if (options_.pictures) show(place, buffer, tracked.tracks, sink);
  result.tracks = std::move(tracked.tracks);
  result.first_frame = std::move(tracked.first_frame);
  sink.clip(result);
  seconds_["draw"] += drawing.seconds();
}

ClipMaker::Tracked ClipMaker::track(const ClipPlace& place, FrameBuffer& buffer) {
  Tracked result;
  std::unique_ptr<Tracker> tracker;
  const auto begin = [&](const VideoFrame& frame) {
    const Size size = frame.planes.luma.size;
    planes_to_rgb(frame.planes, result.first_frame);
    result.source = frame.source;
    result.pts_first = frame.pts;
    if (item_.given_tracks != nullptr) {
      const int64_t first = place.frames.first - place.item_first;
      result.tracks = slice(*item_.given_tracks, {first, first + place.frames.count()}, size, frame.source);
      return;
    }
    const std::vector<Query> queries = grid_queries(size, static_cast<int>(config_.grid));
    result.tracks.frame = size;
    result.tracks.N = static_cast<int64_t>(queries.size());
    tracker = Trackers::make(config_.tracker, TrackerOptions{info_.fps.value(), options_.threads});
    result.version = tracker->version();
    tracker->begin(queries, [&result](const TrackRow& row) {
      if (row.frame == 0) result.quality = row.quality;
      append_row(row, result.tracks);
    });
  };
  buffer.visit(place.frames, [&](const VideoFrame& frame) {
    if (frame.index == place.frames.first) begin(frame);
    if (tracker) tracker->push(frame.planes);
    result.pts_last = frame.pts;
  });
  if (tracker) tracker->finish();
  MAGMA_CHECK(result.tracks.F == place.frames.count(), "{} rows for {} frames", result.tracks.F, place.frames.count());
  return result;
}

void ClipMaker::show(const ClipPlace& place, FrameBuffer& buffer, const PointTracks& tracks, PipelineSink& sink) {
  Image rgb;
  buffer.visit(place.frames, [&](const VideoFrame& frame) {
    planes_to_rgb(frame.planes, rgb);
    sink.frame(frame.index - place.frames.first, rgb, tracks);
  });
}

ClipRecord ClipMaker::describe(const ClipPlace& place, const Tracked& tracked) const {
  ClipRecord record;
  record.id = fmt::format("{}-s{:03}-c{:03}", item_.id, place.shot, place.clip);
  record.item = item_.id;
  record.shot = place.shot;
  record.clip = place.clip;
  record.video = identity_;
  record.first = place.frames.first;
  record.last = place.frames.last;
  record.pts_first = tracked.pts_first;
  record.pts_last = tracked.pts_last;
  record.timebase = info_.timebase;
  record.fps = info_.fps;
  record.source = tracked.source;
  record.track = tracked.tracks.frame;
  record.rotation = info_.rotation;
  record.tracker = item_.given_tracks != nullptr ? "given" : config_.tracker;
  record.tracker_version = tracked.version;
  record.grid = config_.grid;
  record.text = item_.text;
  record.config = config_;
  return record;
}

}  // namespace magma
