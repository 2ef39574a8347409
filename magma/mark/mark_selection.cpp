#include "magma/mark/mark_selection.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "magma/mark/draw_marks.h"
#include "magma/mark/kmeans.h"
#include "magma/mark/trace_labels.h"

namespace magma {
namespace {

constexpr double kSpacingRadii = 2.2;
constexpr double kSampleShare = 0.2;  // of a cluster's points are marked, at least one and at most two
constexpr int64_t kMostPerCluster = 2;
constexpr size_t kFewestMoving = 2;
constexpr int kMotionSamples = 8;
constexpr float kMotionWeight = 2;

struct Candidate {
  int64_t point = 0;
  double quality = 0;
  uint64_t tie = 0;
};

class Selection {
 public:
  Selection(const ClipInput& clip, const MarkConfig& config, ClipMarks& result)
      : clip_(clip),
        config_(config),
        result_(result),
        spacing_px_(kSpacingRadii * mark_radius_px(clip.tracks->frame)) {}

  // Marks the best points of each of k clusters; returns the clusters made.
  int mark_clusters(const std::vector<int64_t>& points, int64_t k, bool moving, int first_cluster) {
    if (points.empty()) return 0;
    const int clusters = static_cast<int>(std::min(k, static_cast<int64_t>(points.size())));
    Rng rng(static_cast<uint64_t>(config_.seed), clip_.id, moving ? "clusters-moving" : "clusters-static");
    const std::vector<int> cluster = cluster_points(result_.stabilised, points, clusters, rng);
    for (int c = 0; c < clusters; ++c) {
      std::vector<Candidate> candidates;
      for (size_t i = 0; i < points.size(); ++i) {
        if (cluster[i] != c) continue;
        result_.cluster[static_cast<size_t>(points[i])] = first_cluster + c;
        candidates.push_back(candidate(points[i]));
      }
      mark_best(candidates, moving, first_cluster + c);
    }
    return clusters;
  }

  void number() {
    std::vector<int> ids(result_.marks.size());
    std::iota(ids.begin(), ids.end(), 1);
    Rng rng(static_cast<uint64_t>(config_.seed), clip_.id, "numbers");
    rng.shuffle(ids);
    for (size_t i = 0; i < ids.size(); ++i) result_.marks[i].id = ids[i];
    std::sort(result_.marks.begin(), result_.marks.end(), [](const Mark& a, const Mark& b) { return a.id < b.id; });
  }

 private:
  Candidate candidate(int64_t point) const {
    const PointTracks& tracks = *clip_.tracks;
    double confidence = 0;
    for (int64_t t = 0; t < tracks.F; ++t) confidence += tracks.confidence[static_cast<size_t>(t * tracks.N + point)];
    confidence /= static_cast<double>(tracks.F);
    const double texture = clip_.quality.empty() ? 1 : clip_.quality[static_cast<size_t>(point)];
    const uint64_t tie = hash64(clip_.id + "/" + std::to_string(point), static_cast<uint64_t>(config_.seed));
    return {point, visible_share(tracks, point) * confidence * std::min(1.0, texture), tie};
  }

  void mark_best(std::vector<Candidate>& candidates, bool moving, int cluster) {
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
      return std::tie(b.quality, a.tie, a.point) < std::tie(a.quality, b.tie, b.point);
    });
    const auto wanted = std::clamp<int64_t>(static_cast<int64_t>(kSampleShare * static_cast<double>(candidates.size())),
                                            1, kMostPerCluster);
    int64_t marked = 0;
    for (const Candidate& candidate : candidates) {
      if (marked == wanted) return;
      const Point position = clip_.tracks->at(0, candidate.point);
      if (!is_clear(candidate.point, moving) || too_close(position)) continue;
      const Cell cell = rounded_cell(position, clip_.tracks->frame, config_.quant);
      const double speed = result_.split.speed[static_cast<size_t>(candidate.point)];
      result_.marks.push_back({0, moving, candidate.point, position, cell, speed, candidate.quality, cluster});
      ++marked;
    }
  }

  bool is_clear(int64_t point, bool moving) const {
    const float evidence = result_.split.evidence[static_cast<size_t>(point)];
    return moving ? evidence >= kClearlyMoving : evidence <= kClearlyStatic;
  }

  bool too_close(Point position) const {
    return std::any_of(result_.marks.begin(), result_.marks.end(),
                       [&](const Mark& mark) { return norm(mark.position - position) < spacing_px_; });
  }

  const ClipInput& clip_;
  const MarkConfig& config_;
  ClipMarks& result_;
  const double spacing_px_;
};

std::vector<int64_t> points_worth(const PointSplit& split, PointKind kind, MarkWorth least) {
  std::vector<int64_t> points;
  for (size_t i = 0; i < split.kind.size(); ++i) {
    if (split.kind[i] == kind && split.worth[i] >= least) points.push_back(static_cast<int64_t>(i));
  }
  return points;
}

}  // namespace

double visible_share(const PointTracks& tracks, int64_t point) {
  int64_t visible = 0;
  for (int64_t t = 0; t < tracks.F; ++t) visible += tracks.is_visible(t, point) ? 1 : 0;
  return static_cast<double>(visible) / static_cast<double>(tracks.F);
}

std::vector<int> cluster_points(const PointTracks& stabilised, const std::vector<int64_t>& points, int k, Rng& rng) {
  const auto w = static_cast<float>(stabilised.frame.w);
  const auto h = static_cast<float>(stabilised.frame.h);
  const float motion_scale = kMotionWeight / std::sqrt(w * w + h * h);
  std::vector<float> rows;
  for (const int64_t point : points) {
    const Point start = stabilised.at(0, point);
    rows.insert(rows.end(), {start.x / w, start.y / h});
    Point seen = start;
    int64_t t = 0;
    for (int sample = 1; sample <= kMotionSamples; ++sample) {
      for (const int64_t until = sample * (stabilised.F - 1) / kMotionSamples; t <= until; ++t) {
        if (stabilised.is_visible(t, point)) seen = stabilised.at(t, point);
      }
      rows.insert(rows.end(), {(seen.x - start.x) * motion_scale, (seen.y - start.y) * motion_scale});
    }
  }
  return kmeans(rows, 2 + 2 * kMotionSamples, k, rng);
}

void select_marks(const ClipInput& clip, const MarkConfig& config, ClipMarks& result) {
  std::vector<int64_t> moving = points_worth(result.split, PointKind::Moving, MarkWorth::Good);
  if (moving.size() < kFewestMoving && !result.camera.moving)
    moving = points_worth(result.split, PointKind::Moving, MarkWorth::Doubtful);
  const bool with_moving = moving.size() >= kFewestMoving;
  if (!with_moving) moving.clear();
  const std::vector<int64_t> still = points_worth(result.split, PointKind::Static, MarkWorth::Good);
  result.cluster.assign(static_cast<size_t>(clip.tracks->N), -1);
  Rng rng(static_cast<uint64_t>(config.seed), clip.id, "cluster-counts");
  const int64_t k_moving = rng.integer(config.clusters_moving_min, config.clusters_moving_max);
  const int64_t k_static = rng.integer(config.clusters_static_min, config.clusters_static_max);
  Selection selection(clip, config, result);
  result.clusters_moving = selection.mark_clusters(moving, k_moving, true, 0);
  // With nothing to trace, the question is about places only: the static marks take the moving ones' share as well.
  result.clusters_static =
      selection.mark_clusters(still, with_moving ? k_static : k_static + k_moving, false, result.clusters_moving);
  selection.number();
}

}  // namespace magma
