#include "magma/mark/mark_bench.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/mark/clip_pipeline.h"
#include "magma/mark/homography_fit.h"
#include "magma/track/track_bench.h"

namespace magma {
namespace {

struct Counts {
  int64_t hit = 0, wrong = 0, missed = 0;
  std::optional<double> f1() const {
    if (hit + wrong + missed == 0) return std::nullopt;
    return 2.0 * static_cast<double>(hit) / static_cast<double>(2 * hit + wrong + missed);
  }
};

Counts count_points(const PointSplit& split, const SyntheticClip& truth, bool undecided_too) {
  Counts counts;
  for (size_t n = 0; n < split.kind.size(); ++n) {
    if (truth.scored[n] == 0 || (split.kind[n] == PointKind::Unknown && !undecided_too)) continue;
    const bool moves = truth.moving[n] != 0, says = split.kind[n] == PointKind::Moving;
    counts.hit += moves && says ? 1 : 0;
    counts.wrong += !moves && says ? 1 : 0;
    counts.missed += moves && !says ? 1 : 0;
  }
  return counts;
}

Counts count_marks(const std::vector<Mark>& marks, const SyntheticClip& truth) {
  Counts counts;
  for (const Mark& mark : marks) {
    const bool moves = truth.moving[static_cast<size_t>(mark.point)] != 0;
    counts.hit += moves && mark.moving ? 1 : 0;
    counts.wrong += !moves && mark.moving ? 1 : 0;
    counts.missed += moves && !mark.moving ? 1 : 0;
  }
  return counts;
}

double mean_residual(const CameraMotion& camera, const SyntheticClip& truth, int64_t frames) {
  double sum = 0;
  int64_t terms = 0;
  for (int64_t t = 1; t < frames; ++t) {
    for (int64_t n = 0; n < truth.truth.N; ++n) {
      const auto i = static_cast<size_t>(n);
      if (truth.moving[i] != 0 || truth.scored[i] == 0 || !truth.truth.is_visible(t, n)) continue;
      const Homography& h = camera.moving ? camera.to_first[static_cast<size_t>(t)] : kIdentity;
      sum += transfer_error(h, truth.truth.at(t, n), truth.truth.at(0, n));
      ++terms;
    }
  }
  return terms > 0 ? sum / static_cast<double>(terms) : 0;
}

// Truth of the clip's points, in its own frames and in pixels of the tracking frame.
SyntheticClip truth_of(const ClipResult& result, const SyntheticScene& scene, Size size) {
  const PointTracks& tracks = result.tracks;
  std::vector<Point> queries;
  for (int64_t n = 0; n < tracks.N; ++n) queries.push_back(rescale(tracks.at(0, n), tracks.frame, size));
  SyntheticClip clip = scene.truth(queries, static_cast<int>(result.record.first));
  PointTracks& truth = clip.truth;
  truth.F = tracks.F;
  truth.frame = tracks.frame;
  truth.xy.resize(tracks.xy.size());
  truth.visible.resize(tracks.xy.size());
  truth.confidence.resize(tracks.xy.size());
  for (Point& point : truth.xy) point = rescale(point, size, tracks.frame);
  return clip;
}

class BenchSink final : public PipelineSink {
 public:
  BenchSink(const SuiteClip& clip, const SyntheticScene& scene, const MarkConfig& config,
            std::vector<MarkBenchRow>& rows)
      : clip_(clip), scene_(scene), config_(config), rows_(rows) {}

  void shot_begins(int64_t, int64_t, int64_t) override {}
  void frame(int64_t, const Image&, const PointTracks&) override {}
  void shot_ends(int64_t) override {}
  void dropped(int64_t, int64_t, const std::string&) override {}
  void progress(int64_t) override {}

  void clip(const ClipResult& result) override {
    const SyntheticClip truth = truth_of(result, scene_, clip_.options.size);
    const ClipMarks& marks = result.record.marks;
    const ClipInput exact_input = {result.record.id, &truth.truth, {}, static_cast<double>(clip_.options.fps)};
    const ClipMarks exact = MarkProcedures::make(config_.variant)->make(exact_input, config_);
    const double native = static_cast<double>(clip_.options.size.w) / truth.truth.frame.w;
    const Counts counts = count_marks(marks.marks, truth);
    MarkBenchRow row;
    row.clip = result.record.first == 0 ? clip_.name : fmt::format("{}@{}", clip_.name, result.record.first);
    row.status = marks.status;
    row.camera_only = clip_.options.objects == 0;
    row.moving_marks = counts.hit + counts.wrong;
    row.wrong_marks = counts.wrong;
    row.residual_px = native * mean_residual(marks.camera, truth, marks.frames_used);
    row.exact_residual_px = native * mean_residual(exact.camera, truth, exact.frames_used);
    if (!row.camera_only) {
      row.point_f1 = count_points(marks.split, truth, false).f1();
      row.strict_f1 = count_points(marks.split, truth, true).f1();
      row.exact_f1 = count_points(exact.split, truth, false).f1();
      row.mark_f1 = counts.f1();
    }
    rows_.push_back(std::move(row));
  }

 private:
  const SuiteClip& clip_;
  const SyntheticScene& scene_;
  const MarkConfig& config_;
  std::vector<MarkBenchRow>& rows_;
};

int scaled(int side, double scale) { return 2 * static_cast<int>(std::lround(side * scale / 2)); }

void bench_clip(const SuiteClip& clip, const MarkBenchOptions& options, std::vector<MarkBenchRow>& rows) {
  const SyntheticScene scene(clip.options);
  const StagingFolder staging(options.scratch);
  PipelineItem item;
  item.id = clip.name;
  item.video = staging.path() / "clip.mp4";
  item.video_name = clip.name;
  encode_scene(scene, clip.options, item.video);
  BenchSink sink(clip, scene, options.config, rows);
  PipelineOptions pipeline;
  pipeline.pictures = false;
  run_pipeline(item, options.config, pipeline, sink);
}

std::optional<double> mean_of(std::span<const MarkBenchRow> rows, std::optional<double> MarkBenchRow::*member) {
  double sum = 0;
  int64_t terms = 0;
  for (const MarkBenchRow& row : rows) {
    sum += (row.*member).value_or(0);
    terms += (row.*member).has_value() ? 1 : 0;
  }
  return terms > 0 ? std::optional<double>(sum / static_cast<double>(terms)) : std::nullopt;
}

nlohmann::json optional_json(const std::optional<double>& value) {
  return value.has_value() ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

std::string optional_text(const std::optional<double>& value) {
  return value.has_value() ? fmt::format("{:6.3f}", *value) : "     -";
}

std::string table_line(const MarkBenchRow& row) {
  return fmt::format("{:<28} {:<9} {} {} {} {:6} {:6} {:8.3f} {:8.4f} {}\n", row.clip, row.status,
                     optional_text(row.point_f1), optional_text(row.strict_f1), optional_text(row.mark_f1),
                     row.moving_marks, row.wrong_marks, row.residual_px, row.exact_residual_px,
                     optional_text(row.exact_f1));
}

}  // namespace

std::vector<MarkBenchRow> bench_marks(const MarkBenchOptions& options) {
  std::vector<MarkBenchRow> rows;
  const std::vector<uint64_t> seeds = options.seeds.empty() ? std::vector<uint64_t>{0} : options.seeds;
  for (const uint64_t seed : seeds) {
    for (SuiteClip clip : options.clips) {
      if (clip.name.find(options.only) == std::string::npos) continue;
      throw_if_interrupted();
      clip.options.seed += seed;
      clip.options.size = {scaled(clip.options.size.w, options.scale), scaled(clip.options.size.h, options.scale)};
      if (seed != 0) clip.name += fmt::format("+{}", seed);
      bench_clip(clip, options, rows);
    }
  }
  if (rows.empty()) {
    throw Error(ErrorCode::Usage, {.what = "no synthetic clip has such a name", .got = options.only});
  }
  return rows;
}

MarkBenchRow total_row(std::span<const MarkBenchRow> rows) {
  MAGMA_CHECK(!rows.empty(), "no rows to sum up");
  MarkBenchRow total;
  total.clip = "total";
  total.point_f1 = mean_of(rows, &MarkBenchRow::point_f1);
  total.strict_f1 = mean_of(rows, &MarkBenchRow::strict_f1);
  total.mark_f1 = mean_of(rows, &MarkBenchRow::mark_f1);
  total.exact_f1 = mean_of(rows, &MarkBenchRow::exact_f1);
  for (const MarkBenchRow& row : rows) {
    total.moving_marks += row.moving_marks;
    total.wrong_marks += row.wrong_marks;
    total.residual_px += row.residual_px / static_cast<double>(rows.size());
    total.exact_residual_px = std::max(total.exact_residual_px, row.exact_residual_px);
  }
  return total;
}

nlohmann::json mark_bench_json(std::span<const MarkBenchRow> rows) {
  nlohmann::json list = nlohmann::json::array();
  for (const MarkBenchRow& row : rows) {
    list.push_back({{"clip", row.clip},
                    {"status", row.status},
                    {"camera_only", row.camera_only},
                    {"point_f1", optional_json(row.point_f1)},
                    {"strict_f1", optional_json(row.strict_f1)},
                    {"mark_f1", optional_json(row.mark_f1)},
                    {"moving_marks", row.moving_marks},
                    {"wrong_marks", row.wrong_marks},
                    {"residual_px", row.residual_px},
                    {"exact_residual_px", row.exact_residual_px},
                    {"exact_f1", optional_json(row.exact_f1)}});
  }
  return list;
}

std::string mark_bench_table(std::span<const MarkBenchRow> rows) {
  std::string table = fmt::format("{:<28} {:<9} {:>6} {:>6} {:>6} {:>6} {:>6} {:>8} {:>8} {:>6}\n", "clip", "status",
                                  "points", "strict", "marks", "moving", "wrong", "resid px", "exact px", "exact");
  for (const MarkBenchRow& row : rows) table += table_line(row);
  return table + table_line(total_row(rows));
}

}  // namespace magma
