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
#include "magma/core/limits.h"
#include "magma/image/video_reader.h"
#include "magma/mark/clip_record.h"
#include "magma/mark/clip_videos.h"
#include "magma/mark/track_report.h"
#include "magma/track/query_points.h"
#include "magma/track/track_file.h"
#include "magma/track/tracker.h"

namespace magma {
namespace {

constexpr const char* kRecord = "tracks.jsonl";
constexpr const char* kTensors = "tracks.safetensors";
constexpr const char* kVideo = "orig_trace.mp4";

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
        earlier_(earlier_record()),
        video_(open_video(options.video, {.threads = options.threads})),
        id_(track_id(options.video)),
        source_({options.video.string(), sha1_of_first_mebibyte(options.video),
                 static_cast<int64_t>(std::filesystem::file_size(options.video))}) {
    Trackers::make(options.tracker, TrackerOptions{});  // an unknown one ends the run before it begins
  }

  TrackRunSummary run() {
    const DecodedFrame* frame = next();
    summary_.source = display_size(*frame);
    summary_.track = fit_size(summary_.source, static_cast<int>(options_.track_width));
    const std::vector<Query> queries = options_.queries.empty()
                                           ? grid_queries(summary_.track, static_cast<int>(options_.grid))
                                           : read_queries(options_.queries, summary_.source, summary_.track);
    summary_.points = static_cast<int64_t>(queries.size());
    tracker_ = Trackers::make(options_.tracker, TrackerOptions{video_->info().fps.value(), options_.threads});
    refuse_other_record();
    staging_.emplace(options_.output);
    remove_stale_staging(options_.output);
    open_outputs();
    tracker_->begin(queries, [this](const TrackRow& row) { take(row); });
    const VideoInfo& info = video_->info();
    const auto by_duration = static_cast<int64_t>(info.claimed_duration_s * info.fps.value());
    Progress progress("track", info.claimed_frames > 0 ? info.claimed_frames : by_duration, "frames",
                      options_.progress);
    for (; frame != nullptr; frame = next()) {
      push(*frame);
      progress.advance();
    }
    timed("track", [this] { tracker_->finish(); });
    publish();
    return summary_;
  }

 private:
  // The record of an earlier run in the folder, which may hold nothing else; null where there is none to heed.
  nlohmann::json earlier_record() const {
    const Path& folder = options_.output;
    std::error_code error;
    if (!std::filesystem::exists(folder, error)) return nullptr;
    if (!std::filesystem::is_directory(folder, error)) {
      throw Error(ErrorCode::Usage, {.file = folder.string(), .what = "the output folder is a file"});
    }
    const Path record = folder / kRecord;
    if (std::filesystem::exists(record, error)) {
      if (options_.overwrite) return nullptr;
      return parse_json(read_file(record, limits().json_line_bytes), record.string());
    }
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
      if (is_staged(folder, entry->path())) continue;  // of a run that is at work or was killed
      throw Error(ErrorCode::Usage, {.file = folder.string(),
                                     .what = std::string("the output folder holds other things and no ") + kRecord,
                                     .got = entry->path().filename().string(),
                                     .hint = "use an empty or a new folder"});
    }
    if (error) throw system_error("open", folder.string(), error.value());
    return nullptr;
  }

  // What another run wrote is replaced when the user says so; the same run may be made again.
  void refuse_other_record() const {
    if (earlier_.is_null()) return;
    const nlohmann::json now = record();
    for (const char* field : {"program", "id", "video", "source", "track", "grid"}) {
      if (earlier_.contains(field) && earlier_[field] == now[field]) continue;
      throw Error(ErrorCode::Usage, {.file = options_.output.string(),
                                     .where = std::string(kRecord) + " " + field,
                                     .what = "the folder holds a run that was started differently",
                                     .expected = dump_json(now[field]),
                                     .got = earlier_.contains(field) ? dump_json(earlier_[field]) : "",
                                     .hint = "use another folder, or --overwrite to replace that run"});
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
    writer_ = std::make_unique<SafetensorsWriter>(staging_->path() / kTensors);
    writer_->set_metadata("track_w", std::to_string(summary_.track.w));
    writer_->set_metadata("track_h", std::to_string(summary_.track.h));
    rows_ = std::make_unique<TrackFileWriter>(*writer_, id_, summary_.points);
    report_.emplace(summary_.track, summary_.points);
    if (options_.with_video) drawing_ = std::make_unique<OrigTraceWriter>(staging_->path() / kVideo);
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

  nlohmann::json grid() const {
    if (options_.queries.empty()) return {{"n", options_.grid}, {"query_frame", 0}};
    return {{"n", 0}, {"queries", hex64(hash_file(options_.queries))}};
  }

  nlohmann::json record() const {
    const VideoInfo& info = video_->info();
    return {{"id", id_},
            {"status", "ok"},
            {"video", {{"path", source_.path}, {"sha1", source_.sha1}, {"size", source_.bytes}}},
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
            {"grid", grid()},
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
    write_file_atomically(staging_->path() / kRecord, dump_json(record()) + "\n");
    report_->write(staging_->path(), record(), summary_.seconds);
    if (drawing_) staging_->publish(kVideo, kVideo);
    std::error_code absent;
    if (!drawing_) std::filesystem::remove(options_.output / kVideo, absent);
    for (const char* name : {kTensors, "report.html", kRecord}) staging_->publish(name, name);
    staging_->keep_parents();
  }

  const TrackRunOptions& options_;
  nlohmann::json earlier_;
  std::unique_ptr<VideoReader> video_;
  std::string id_;
  VideoIdentity source_;
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

TrackRunSummary run_track(const TrackRunOptions& options) {
  try {
    return TrackRun(options).run();
  } catch (const Error& error) {
    if (!is_staged(options.output, error.fields().file)) throw;
    ErrorFields fields = error.fields();
    fields.file = options.output.string();  // the user knows no staging folder
    throw Error(error.code(), fields);
  }
}

}  // namespace magma
