#include "magma/mark/track_run.h"

#include <deque>
#include <filesystem>
#include <memory>
#include <optional>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/clock.h"
#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/interrupt.h"
#include "magma/core/json.h"
#include "magma/image/video_reader.h"
#include "magma/mark/clip_videos.h"
#include "magma/mark/track_report.h"
#include "magma/track/query_points.h"
#include "magma/track/track_file.h"
#include "magma/track/tracker.h"

namespace magma {
namespace {

// The id of a video's tracks: its stem, with what has no place in a tensor's name replaced.
std::string track_id(const Path& video) {
  std::string id = video.stem().string();
  for (char& c : id) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
    if (!plain) c = '_';
  }
  return id.empty() ? "video" : id.substr(0, 96);
}

class TrackRun {
 public:
  explicit TrackRun(const TrackRunOptions& options)
      : options_(options),
        video_(open_video(options.video, {.threads = options.threads})),
        id_(track_id(options.video)) {
    refuse_foreign_folder();
  }

  TrackRunSummary run() {
    const DecodedFrame* frame = next();
    summary_.source = display_size(*frame);
    summary_.track = fit_size(summary_.source, static_cast<int>(options_.track_width));
    const std::vector<Query> queries = options_.queries.empty()
                                           ? grid_queries(summary_.track, static_cast<int>(options_.grid))
                                           : read_queries(options_.queries, summary_.source, summary_.track);
    summary_.points = static_cast<int64_t>(queries.size());
    staging_.emplace(options_.output);
    open_outputs();
    tracker_ = Trackers::make(options_.tracker, TrackerOptions{video_->info().fps.value(), options_.threads});
    tracker_->begin(queries, [this](const TrackRow& row) { take(row); });
    Progress progress("track", video_->info().claimed_frames, "frames", options_.progress);
    for (; frame != nullptr; frame = next()) {
      push(*frame);
      progress.advance();
    }
    timed("track", [this] { tracker_->finish(); });
    publish();
    return summary_;
  }

 private:
  void refuse_foreign_folder() const {
    const Path& folder = options_.output;
    if (!std::filesystem::exists(folder) || options_.overwrite) return;
    if (!std::filesystem::is_directory(folder)) {
      throw Error(ErrorCode::FileSystem, {.file = folder.string(), .what = "output is not a folder"});
    }
    const bool ours = std::filesystem::exists(folder / "tracks.jsonl");
    if (!ours && !std::filesystem::is_empty(folder)) {
      throw Error(ErrorCode::Usage, {.file = folder.string(),
                                     .what = "folder holds something else",
                                     .hint = "name a new folder, or use --overwrite"});
    }
  }

  template <typename Body>
  void timed(const char* stage, const Body& body) {
    const Stopwatch watch;
    body();
    summary_.seconds[stage] += watch.seconds();
  }

  const DecodedFrame* next() {
    const DecodedFrame* frame = nullptr;
    timed("decode", [&] { frame = video_->next(); });
    if (frame != nullptr) last_pts_ = video_->pts();
    if (frame != nullptr && summary_.frames++ == 0) first_pts_ = last_pts_;
    return frame;
  }

  void open_outputs() {
    writer_ = std::make_unique<SafetensorsWriter>(staging_->path() / "tracks.safetensors");
    writer_->set_metadata("track_w", std::to_string(summary_.track.w));
    writer_->set_metadata("track_h", std::to_string(summary_.track.h));
    rows_ = std::make_unique<TrackFileWriter>(*writer_, id_, summary_.points);
    report_.emplace(summary_.track, summary_.points);
    if (options_.with_video) drawing_ = std::make_unique<OrigTraceWriter>(staging_->path() / "orig_trace.mp4");
  }

  // Frames of another size than the first are brought to the first's tracking size: T is the frames of the video.
  void push(const DecodedFrame& frame) {
    throw_if_interrupted();
    timed("scale", [&] { scale_planes(frame, summary_.track, planes_); });
    if (drawing_) {
      waiting_.emplace_back();
      timed("draw", [&] { planes_to_rgb(planes_, waiting_.back()); });
    }
    timed("track", [&] { tracker_->push(planes_); });
  }

  // A windowed tracker may deliver rows late; their frames wait here.
  void take(const TrackRow& row) {
    rows_->write(row);
    report_->add(row);
    for (const uint8_t visible : row.visible) visible_ += visible;
    if (!drawing_) return;
    timed("draw", [&] { drawing_->write(waiting_.front(), row.xy, row.visible); });
    waiting_.pop_front();
  }

  nlohmann::json record() const {
    const VideoInfo& info = video_->info();
    return {{"id", id_},
            {"status", "ok"},
            {"video",
             {{"path", options_.video.string()},
              {"sha1", sha1_of_first_mebibyte(options_.video)},
              {"size", static_cast<int64_t>(std::filesystem::file_size(options_.video))}}},
            {"frames",
             {{"first", 0},
              {"last", summary_.frames},
              {"pts_first", first_pts_},
              {"pts_last", last_pts_},
              {"timebase", fmt::format("{}/{}", info.timebase.num, info.timebase.den)},
              {"fps_num", info.fps.num},
              {"fps_den", info.fps.den}}},
            {"source", {{"w", summary_.source.w}, {"h", summary_.source.h}, {"rotation", info.rotation}}},
            {"track",
             {{"w", summary_.track.w},
              {"h", summary_.track.h},
              {"name", options_.tracker},
              {"version", tracker_->version()}}},
            {"grid", {{"n", options_.queries.empty() ? options_.grid : 0}, {"query_frame", 0}}},
            {"points", summary_.points},
            {"visible_share", summary_.visible_share},
            {"program", options_.program_version},
            {"tensors", {{"prefix", id_}}}};
  }

  void publish() {
    const auto shown = static_cast<double>(summary_.frames * summary_.points);
    summary_.visible_share = shown > 0 ? static_cast<double>(visible_) / shown : 0;
    if (drawing_) drawing_->finish();
    writer_->finish();
    write_file_atomically(staging_->path() / "tracks.jsonl", dump_json(record()) + "\n");
    report_->write(staging_->path(), record(), summary_.seconds);
    if (drawing_) staging_->publish("orig_trace.mp4", "orig_trace.mp4");
    for (const char* name : {"tracks.safetensors", "report.html", "tracks.jsonl"}) staging_->publish(name, name);
    staging_->keep_parents();
  }

  const TrackRunOptions& options_;
  std::unique_ptr<VideoReader> video_;
  std::string id_;
  std::optional<StagingFolder> staging_;
  std::unique_ptr<SafetensorsWriter> writer_;
  std::unique_ptr<TrackFileWriter> rows_;
  std::optional<TrackReport> report_;
  std::unique_ptr<OrigTraceWriter> drawing_;
  std::unique_ptr<Tracker> tracker_;
  std::deque<Image> waiting_;
  Planes planes_;
  TrackRunSummary summary_;
  int64_t visible_ = 0, first_pts_ = 0, last_pts_ = 0;
};

}  // namespace

TrackRunSummary run_track(const TrackRunOptions& options) { return TrackRun(options).run(); }

}  // namespace magma
