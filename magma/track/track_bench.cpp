#include "magma/track/track_bench.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/clock.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/image/video_reader.h"
#include "magma/image/video_writer.h"
#include "magma/nn/safetensors.h"
#include "magma/track/query_points.h"

namespace magma {
namespace {

constexpr int kCrf = 23;

std::vector<Planes> decode(const Path& path, Size size) {
  std::vector<Planes> frames;
  const auto reader = open_video(path);
  while (const DecodedFrame* frame = reader->next()) scale_planes(*frame, size, frames.emplace_back());
  return frames;
}

SyntheticClip grid_truth(const SyntheticScene& scene, std::span<const Query> queries) {
  std::vector<Point> points;
  for (const Query& query : queries) points.push_back(query.point);
  return scene.truth(points);
}

std::string_view bytes_of(const auto& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])};
}

void write_truth(const std::string& name, const SyntheticClip& clip, const Path& path) {
  const PointTracks& tracks = clip.truth;
  std::vector<float> homographies;
  for (const Homography& h : clip.stabilise) {
    for (const double value : h) homographies.push_back(static_cast<float>(value));
  }
  SafetensorsWriter writer(path);
  writer.set_metadata("track_w", std::to_string(tracks.frame.w));
  writer.set_metadata("track_h", std::to_string(tracks.frame.h));
  writer.add(name + "/tracks", DType::F32, {tracks.F, tracks.N, 2}, bytes_of(tracks.xy));
  writer.add(name + "/visible", DType::Bool, {tracks.F, tracks.N}, bytes_of(tracks.visible));
  writer.add(name + "/moving", DType::U8, {tracks.N}, bytes_of(clip.moving));
  writer.add(name + "/scored", DType::U8, {tracks.N}, bytes_of(clip.scored));
  writer.add(name + "/homography", DType::F32, {tracks.F, 3, 3}, bytes_of(homographies));
  writer.finish();
}

void score_split(const SyntheticClip& truth, const std::vector<uint8_t>& called, TrackBenchRow& row) {
  MAGMA_CHECK(called.size() == truth.moving.size(), "{} labels for {} points", called.size(), truth.moving.size());
  int64_t both = 0, wrong = 0, missed = 0, still = 0;
  for (size_t n = 0; n < called.size(); ++n) {
    if (truth.scored[n] == 0 || called[n] > 1) continue;
    const bool moves = truth.moving[n] != 0, says = called[n] == 1;
    both += moves && says ? 1 : 0;
    wrong += !moves && says ? 1 : 0;
    missed += moves && !says ? 1 : 0;
    still += !moves ? 1 : 0;
  }
  if (both + missed > 0)
    row.moving_f1 = 2.0 * static_cast<double>(both) / static_cast<double>(2 * both + wrong + missed);
  if (still > 0) row.false_moving = static_cast<double>(wrong) / static_cast<double>(still);
}

TrackBenchRow bench_clip(const std::string& name, const std::string& tracker_name, const RecordedClip& clip,
                         const TrackBenchOptions& options) {
  const auto tracker = Trackers::make(tracker_name, TrackerOptions{.fps = clip.fps, .threads = options.threads});
  TrackBenchRow row;
  row.clip = name;
  row.tracker = tracker_name;
  const Stopwatch watch;
  const PointTracks tracks = track_clip(*tracker, clip.queries, clip.frames);
  row.ms_per_frame = 1000 * watch.seconds() / static_cast<double>(clip.frames.size());
  const std::optional<TrackScore> score = score_tracks(clip.truth.truth, tracks, clip.truth.scored);
  MAGMA_CHECK(score.has_value(), "nothing to score on {}", name);
  row.score = *score;
  if (options.split) score_split(clip.truth, options.split(tracks, clip.fps), row);
  return row;
}

// The mean over the rows that have a value; absent when none has.
std::optional<double> mean_of(std::span<const TrackBenchRow> rows, const auto& value_of) {
  double sum = 0;
  int count = 0;
  for (const TrackBenchRow& row : rows) {
    const std::optional<double> value = value_of(row);
    sum += value.value_or(0);
    count += value.has_value() ? 1 : 0;
  }
  return count > 0 ? std::optional<double>(sum / count) : std::nullopt;
}

TrackBenchRow mean_row(std::span<const TrackBenchRow> rows) {
  const auto mean_score = [&](double TrackScore::*member) {
    return mean_of(rows, [member](const TrackBenchRow& row) { return row.score.*member; }).value_or(0);
  };
  TrackBenchRow mean;
  mean.clip = "mean";
  mean.tracker = rows.front().tracker;
  for (double TrackScore::*member : {&TrackScore::average_jaccard, &TrackScore::delta, &TrackScore::occlusion_accuracy,
                                     &TrackScore::delta_1px, &TrackScore::survival, &TrackScore::median_error_px}) {
    mean.score.*member = mean_score(member);
  }
  mean.score.delta_occluded = mean_of(rows, [](const TrackBenchRow& row) { return row.score.delta_occluded; });
  mean.moving_f1 = mean_of(rows, [](const TrackBenchRow& row) { return row.moving_f1; });
  mean.false_moving = mean_of(rows, [](const TrackBenchRow& row) { return row.false_moving; }).value_or(0);
  mean.ms_per_frame = mean_of(rows, [](const TrackBenchRow& row) { return row.ms_per_frame; }).value_or(0);
  return mean;
}

nlohmann::json optional_json(const std::optional<double>& value) {
  return value.has_value() ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

std::string table_line(const TrackBenchRow& row) {
  const TrackScore& s = row.score;
  const std::string f1 = row.moving_f1.has_value() ? fmt::format("{:6.3f}", *row.moving_f1) : "     -";
  return fmt::format("{:<24} {:<14} {:6.1f} {:6.1f} {:6.1f} {:6.1f} {:8.2f} {} {:6.3f} {:8.2f}\n", row.clip,
                     row.tracker, s.average_jaccard, s.delta, s.occlusion_accuracy, s.delta_1px, s.median_error_px, f1,
                     row.false_moving, row.ms_per_frame);
}

}  // namespace

void encode_scene(const SyntheticScene& scene, const SyntheticOptions& options, const Path& path) {
  const auto writer = open_video_writer(path, options.size, {.fps_num = options.fps, .crf = kCrf});
  for (int f = 0; f < options.frames; ++f) {
    throw_if_interrupted();
    writer->write(scene.render(f));
  }
  writer->finish();
}

RecordedClip record_clip(const SyntheticOptions& options, int grid, const Path& folder) {
  const SyntheticScene scene(options);
  const StagingFolder staging(folder);
  const Path video = staging.path() / "clip.mp4";
  encode_scene(scene, options, video);
  RecordedClip clip;
  clip.fps = options.fps;
  clip.frames = decode(video, options.size);
  MAGMA_CHECK(static_cast<int>(clip.frames.size()) == options.frames, "{} of {} frames came back", clip.frames.size(),
              options.frames);
  clip.queries = grid_queries(options.size, grid);
  clip.truth = grid_truth(scene, clip.queries);
  return clip;
}

void write_suite_clip(const SuiteClip& clip, int grid, const Path& folder) {
  const SyntheticScene scene(clip.options);
  StagingFolder staging(folder);
  const std::string video = clip.name + ".mp4", truth = clip.name + ".safetensors";
  encode_scene(scene, clip.options, staging.path() / video);
  write_truth(clip.name, grid_truth(scene, grid_queries(clip.options.size, grid)), staging.path() / truth);
  staging.publish(video, video);
  staging.publish(truth, truth);
  staging.keep_parents();
}

std::vector<TrackBenchRow> bench_trackers(const TrackBenchOptions& options) {
  std::vector<TrackBenchRow> rows;
  for (const SuiteClip& suite_clip : synthetic_suite()) {
    if (suite_clip.name.find(options.only) == std::string::npos) continue;
    const RecordedClip clip = record_clip(suite_clip.options, options.grid, options.scratch);
    for (const std::string& tracker : options.trackers) {
      throw_if_interrupted();
      rows.push_back(bench_clip(suite_clip.name, tracker, clip, options));
    }
  }
  if (rows.empty()) {
    throw Error(ErrorCode::Usage, {.what = "no synthetic clip has such a name", .got = options.only});
  }
  return rows;
}

std::vector<TrackBenchRow> mean_rows(std::span<const TrackBenchRow> rows) {
  std::vector<TrackBenchRow> means;
  for (const TrackBenchRow& row : rows) {
    const auto same = [&](const TrackBenchRow& other) { return other.tracker == row.tracker; };
    if (std::any_of(means.begin(), means.end(), same)) continue;
    std::vector<TrackBenchRow> of_tracker;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(of_tracker), same);
    means.push_back(mean_row(of_tracker));
  }
  return means;
}

nlohmann::json bench_json(std::span<const TrackBenchRow> rows) {
  nlohmann::json list = nlohmann::json::array();
  for (const TrackBenchRow& row : rows) {
    list.push_back({{"clip", row.clip},
                    {"tracker", row.tracker},
                    {"average_jaccard", row.score.average_jaccard},
                    {"delta", row.score.delta},
                    {"occlusion_accuracy", row.score.occlusion_accuracy},
                    {"delta_1px", row.score.delta_1px},
                    {"delta_occluded", optional_json(row.score.delta_occluded)},
                    {"survival", row.score.survival},
                    {"median_error_px", row.score.median_error_px},
                    {"moving_f1", optional_json(row.moving_f1)},
                    {"false_moving", row.false_moving},
                    {"ms_per_frame", row.ms_per_frame}});
  }
  return list;
}

std::string bench_table(std::span<const TrackBenchRow> rows) {
  std::string table = fmt::format("{:<24} {:<14} {:>6} {:>6} {:>6} {:>6} {:>8} {:>6} {:>6} {:>8}\n", "clip", "tracker",
                                  "AJ", "delta", "OA", "1px", "err px", "F1", "false", "ms/frame");
  for (const TrackBenchRow& row : rows) table += table_line(row);
  for (const TrackBenchRow& row : mean_rows(rows)) table += table_line(row);
  return table;
}

}  // namespace magma
