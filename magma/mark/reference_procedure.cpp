#include "magma/mark/reference_procedure.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "magma/core/check.h"
#include "magma/core/random.h"
#include "magma/mark/homography_fit.h"
#include "magma/mark/trace_labels.h"

namespace magma {
namespace {

constexpr double kRansacPx = 4;
constexpr double kCameraShare = 0.8;
constexpr double kRightMostRatio = 0.5;
constexpr double kThinCells = 2;
constexpr double kShiftTolerance = 1e-4;
constexpr int kMostIterations = 1000;  // the reference has no limit and may never end

PointTracks in_frame(const PointTracks& tracks, Size frame) {
  PointTracks result = tracks;
  if (frame == tracks.frame) return result;
  result.frame = frame;
  for (Point& p : result.xy) p = rescale(p, tracks.frame, frame);
  return result;
}

PointTracks working_tracks(const PointTracks& tracks, const ReferenceRules& rules) {
  if (rules.square_floor) return robot_tracks(in_frame(tracks, {256, 256}));
  if (rules.working_height == 0) return tracks;
  const int width = tracks.frame.w * rules.working_height / tracks.frame.h;
  return in_frame(tracks, {std::max(1, width), rules.working_height});
}

PointTracks from_frame(const PointTracks& tracks, int64_t first) {
  PointTracks result;
  result.F = tracks.F - first;
  result.N = tracks.N;
  result.frame = tracks.frame;
  const auto skip = static_cast<std::ptrdiff_t>(first * tracks.N);
  result.xy.assign(tracks.xy.begin() + skip, tracks.xy.end());
  result.visible.assign(tracks.visible.begin() + skip, tracks.visible.end());
  result.confidence.assign(tracks.confidence.begin() + skip, tracks.confidence.end());
  return result;
}

// Mean frame-to-frame step of every point, seen or not, [N] px.
std::vector<float> mean_steps(const PointTracks& tracks) {
  std::vector<float> speed(static_cast<size_t>(tracks.N), 0);
  for (int64_t n = 0; n < tracks.N; ++n) {
    double path = 0;
    for (int64_t t = 1; t < tracks.F; ++t) path += norm(tracks.at(t, n) - tracks.at(t - 1, n));
    if (tracks.F > 1) speed[static_cast<size_t>(n)] = static_cast<float>(path / static_cast<double>(tracks.F - 1));
  }
  return speed;
}

int64_t random_start(const PointTracks& tracks, Rng& rng) {
  std::vector<double> motion;
  double total = 1e-5;
  for (int64_t t = 0; t + 1 < tracks.F; ++t) {
    double sum = 0;
    for (int64_t n = 0; n < tracks.N; ++n) sum += norm(tracks.at(t + 1, n) - tracks.at(t, n));
    motion.push_back(sum / static_cast<double>(tracks.N));
    total += motion.back();
  }
  double cumulative = 0;
  int64_t early = 0;
  for (const double step : motion) {
    cumulative += step;
    if (cumulative / total < kRightMostRatio) ++early;
  }
  return rng.integer(0, std::min(std::max<int64_t>(1, early), tracks.F - 1) - 1);
}

double mean_step(const std::vector<Point>& path) {
  double length = 0;
  for (size_t i = 1; i < path.size(); ++i) length += norm(path[i] - path[i - 1]);
  return length / static_cast<double>(path.size() - 1);
}

// Lloyd's iteration from k distinct random rows; an empty cluster becomes a random row. rows [n, d].
class ReferenceKMeans {
 public:
  ReferenceKMeans(const std::vector<float>& rows, size_t d, size_t k, Rng& rng)
      : rows_(rows), n_(rows.size() / d), d_(d), k_(k), rng_(rng), centres_(k * d), cluster_(n_) {}

  std::vector<int> run() {
    std::vector<size_t> order(n_);
    std::iota(order.begin(), order.end(), size_t{0});
    rng_.shuffle(order);
    for (size_t c = 0; c < k_; ++c) copy_row(order[c], centres_, c);
    for (int iteration = 0; iteration < kMostIterations; ++iteration) {
      assign();
      const double shift = move_centres();
      if (shift * shift < kShiftTolerance) break;
    }
    return cluster_;
  }

 private:
  void copy_row(size_t row, std::vector<double>& centres, size_t c) const {
    for (size_t j = 0; j < d_; ++j) centres[c * d_ + j] = rows_[row * d_ + j];
  }

  void assign() {
    for (size_t i = 0; i < n_; ++i) {
      double nearest = 0;
      for (size_t c = 0; c < k_; ++c) {
        double sum = 0;
        for (size_t j = 0; j < d_; ++j) {
          const double difference = rows_[i * d_ + j] - centres_[c * d_ + j];
          sum += difference * difference;
        }
        if (c > 0 && sum >= nearest) continue;
        nearest = sum;
        cluster_[i] = static_cast<int>(c);
      }
    }
  }

  double move_centres() {
    std::vector<double> next(k_ * d_, 0);
    double total_shift = 0;
    for (size_t c = 0; c < k_; ++c) {
      double size = 0;
      for (size_t i = 0; i < n_; ++i) {
        if (cluster_[i] != static_cast<int>(c)) continue;
        size += 1;
        for (size_t j = 0; j < d_; ++j) next[c * d_ + j] += rows_[i * d_ + j];
      }
      if (size == 0) copy_row(static_cast<size_t>(rng_.integer(0, static_cast<int64_t>(n_) - 1)), next, c);
      double shift = 0;
      for (size_t j = 0; j < d_; ++j) {
        if (size > 0) next[c * d_ + j] /= size;
        const double difference = next[c * d_ + j] - centres_[c * d_ + j];
        shift += difference * difference;
      }
      total_shift += std::sqrt(shift);
    }
    centres_ = std::move(next);
    return total_shift;
  }

  const std::vector<float>& rows_;
  const size_t n_, d_, k_;
  Rng& rng_;
  std::vector<double> centres_;  // [k, d]
  std::vector<int> cluster_;     // [n]
};

class ReferenceProcedure {
 public:
  ReferenceProcedure(const ClipInput& clip, const MarkConfig& config, const ReferenceRules& rules)
      : clip_(clip), config_(config), rules_(rules), whole_(working_tracks(*clip.tracks, rules)) {
    const auto N = static_cast<size_t>(whole_.N);
    result_.split = {std::vector<PointKind>(N, PointKind::Unknown), std::vector<float>(N, 0), std::vector<float>(N, 0),
                     0};
    result_.cluster.assign(N, -1);
    result_.camera.to_first.assign(static_cast<size_t>(whole_.F), kIdentity);
    result_.camera.status.assign(static_cast<size_t>(whole_.F), FitStatus::Fitted);
    result_.camera.inlier_share.assign(static_cast<size_t>(whole_.F), 1);
    result_.camera.background.assign(N, 0);
    result_.stabilised = *clip.tracks;
    result_.frames_used = whole_.F;
  }

  ClipMarks make() {
    if (whole_.N == 0) {
      result_.status = "rejected";
      result_.reason = "no_points";
      return result_;
    }
    if (whole_.F < 2) return mark_places_only("one_frame");
    choose_start();
    tracks_ = from_frame(whole_, result_.marked_frame);
    const int64_t kept = keep_visible();
    if (kept <= 1) return mark_places_only("no_points");
    remove_camera(kept);
    return classify();
  }

 private:
  Rng stream(const char* stage) const { return Rng(static_cast<uint64_t>(config_.seed), clip_.id, stage); }

  void choose_start() {
    Rng rng = stream("start");
    if (rules_.random_start) result_.marked_frame = random_start(whole_, rng);
    if (whole_.F > rules_.drop_first + 1) result_.marked_frame += rules_.drop_first;
  }

  int64_t keep_visible() {
    int64_t kept = 0;
    for (int64_t n = 0; n < tracks_.N; ++n) {
      int64_t visible = 0;
      for (int64_t t = 0; t < tracks_.F; ++t) visible += tracks_.is_visible(t, n) ? 1 : 0;
      const bool keep = 2 * visible > tracks_.F;
      result_.camera.background[static_cast<size_t>(n)] = keep;  // the homographies use every point kept (D4)
      kept += keep ? 1 : 0;
    }
    return kept;
  }

  bool kept(int64_t n) const { return result_.camera.background[static_cast<size_t>(n)] != 0; }

  std::optional<Homography> fit(const PointTracks& tracks, int64_t t, int64_t target) const {
    PointPairs pairs;
    for (int64_t n = 0; n < tracks.N; ++n) {
      if (kept(n)) pairs.add(tracks.at(t, n), tracks.at(target, n));
    }
    return ransac_homography(pairs, kRansacPx);
  }

  void remove_camera(int64_t kept_points) {
    speed_ = mean_steps(tracks_);
    int64_t stepping = 0;
    for (int64_t n = 0; n < tracks_.N; ++n) {
      if (kept(n) && speed_[static_cast<size_t>(n)] > rules_.camera_px) ++stepping;
    }
    result_.camera.moving =
        rules_.always_remove_camera || static_cast<double>(stepping) > kCameraShare * static_cast<double>(kept_points);
    if (!result_.camera.moving) return;
    const int64_t p = result_.marked_frame;
    CameraMotion& camera = result_.camera;
    for (int64_t t = p + 1; t < whole_.F; ++t) {
      const std::optional<Homography> h = fit(whole_, t, p);
      if (h) camera.to_first[static_cast<size_t>(t)] = *h;
      if (!h) chain_frame(whole_, t, camera);
    }
    for (int64_t t = p - 1; t >= 0; --t) {  // the history, which no label uses
      const std::optional<Homography> h = fit(whole_, t, p);
      camera.to_first[static_cast<size_t>(t)] = h ? *h : camera.to_first[static_cast<size_t>(t) + 1];
      if (!h) camera.status[static_cast<size_t>(t)] = FitStatus::Copied;
    }
    whole_ = stabilise(whole_, camera);
    tracks_ = from_frame(whole_, p);
    if (rules_.speed_after_removal) speed_ = mean_steps(tracks_);
  }

  ClipMarks classify() {
    std::vector<int64_t> moving;
    std::vector<int64_t> still;
    result_.split.threshold_px = rules_.eps_px * speed_scale();
    for (int64_t n = 0; n < tracks_.N; ++n) {
      const auto i = static_cast<size_t>(n);
      if (!kept(n)) continue;
      const bool moves = speed_[i] > rules_.eps_px;
      result_.split.kind[i] = moves ? PointKind::Moving : PointKind::Static;
      result_.split.speed[i] = speed_[i] * speed_scale();
      result_.split.evidence[i] = static_cast<float>(speed_[i] / rules_.eps_px);
      (moves ? moving : still).push_back(n);
    }
    const size_t fewest = rules_.speed_after_removal ? 2 : 1;  // the demo goes on with a single one
    if (moving.size() < fewest || still.empty()) return mark_places_only("nothing_moves");
    Rng counts = stream("cluster-counts");
    const int64_t k_moving = counts.integer(rules_.moving_min, rules_.moving_max);
    const int64_t k_static = counts.integer(rules_.static_min, rules_.static_max);
    result_.clusters_moving = mark_clusters(moving, k_moving, true, 0);
    result_.clusters_static = mark_clusters(still, k_static, false, result_.clusters_moving);
    number();
    label();
    return finish();
  }

  int mark_clusters(const std::vector<int64_t>& points, int64_t k, bool moving, int first_cluster) {
    Rng rng = stream(moving ? "clusters-moving" : "clusters-static");
    std::vector<float> rows;
    for (const int64_t n : points) {
      for (int64_t t = 0; t < tracks_.F; ++t) rows.insert(rows.end(), {tracks_.at(t, n).x, tracks_.at(t, n).y});
    }
    const auto clusters = static_cast<int>(std::min(k, static_cast<int64_t>(points.size())));
    const std::vector<int> cluster =
        ReferenceKMeans(rows, 2 * static_cast<size_t>(tracks_.F), static_cast<size_t>(clusters), rng).run();
    for (int c = 0; c < clusters; ++c) {
      std::vector<int64_t> members;
      for (size_t i = 0; i < points.size(); ++i) {
        if (cluster[i] != c) continue;
        result_.cluster[static_cast<size_t>(points[i])] = first_cluster + c;
        members.push_back(points[i]);
      }
      if (members.empty()) continue;
      const auto choice = static_cast<size_t>(rng.integer(0, static_cast<int64_t>(members.size()) - 1));
      add_mark(members[choice], moving, first_cluster + c);
    }
    return clusters;
  }

  void add_mark(int64_t point, bool moving, int cluster) {
    const int64_t t = result_.marked_frame;
    const double speed = result_.split.speed[static_cast<size_t>(point)];
    const Cell cell = truncated(to_grid(whole_.at(t, point)));
    result_.marks.push_back({0, moving, point, clip_.tracks->at(t, point), cell, speed, 1, cluster});
  }

  void number() {
    std::vector<int> ids(result_.marks.size());
    std::iota(ids.begin(), ids.end(), 1);
    Rng rng = stream("numbers");
    rng.shuffle(ids);
    for (size_t i = 0; i < ids.size(); ++i) result_.marks[i].id = ids[i];
    std::sort(result_.marks.begin(), result_.marks.end(), [](const Mark& a, const Mark& b) { return a.id < b.id; });
  }

  void label() {
    std::vector<double> speeds;
    for (const Mark& mark : result_.marks) {
      if (!mark.moving) continue;
      std::vector<Point> whole;
      for (int64_t t = 0; t < tracks_.F; ++t) whole.push_back(to_grid(tracks_.at(t, mark.point)));
      std::vector<Point> path = thin_path(whole, kThinCells);
      std::erase_if(path, [](Point p) { return !(p.x > 0 && p.y > 0); });
      if (rules_.refuse_short && static_cast<int64_t>(path.size()) <= tracks_.F / 4) continue;
      if (path.size() < 2) continue;
      speeds.push_back(mean_step(path));
      if (speeds.back() < rules_.min_speed_cells) continue;
      if (rules_.keep_still_steps) path = whole;
      Trace trace{mark.id, {}, static_cast<int>(path.size()) - 1};
      for (const Point p : path) trace.cells.push_back(truncated(p));
      result_.traces.push_back(std::move(trace));
    }
    if (!speeds.empty()) {
      result_.mean_speed_cells =
          std::accumulate(speeds.begin(), speeds.end(), 0.0) / static_cast<double>(speeds.size());
    }
    if (!result_.traces.empty()) return;
    for (Mark& mark : result_.marks) mark.moving = false;
    result_.status = "som_only";
    result_.reason = "no_trace_left";
  }

  // The reference's fallback: any points, with replacement, on the first frame (D18).
  ClipMarks mark_places_only(const char* reason) {
    result_.status = "som_only";
    result_.reason = reason;
    result_.marked_frame = 0;
    Rng rng = stream("fallback");
    const int64_t wanted =
        rng.integer(rules_.moving_min, rules_.moving_max) + rng.integer(rules_.static_min, rules_.static_max);
    whole_ = working_tracks(*clip_.tracks, rules_);
    for (int64_t i = 0; i < wanted; ++i) add_mark(rng.integer(0, whole_.N - 1), false, -1);
    number();
    return finish();
  }

  // Homographies and stabilised tracks in pixels of the tracking frame.
  ClipMarks finish() {
    const Size from = clip_.tracks->frame;
    const double sx = static_cast<double>(whole_.frame.w) / from.w;
    const double sy = static_cast<double>(whole_.frame.h) / from.h;
    const Homography into = {sx, 0, 0.5 * sx - 0.5, 0, sy, 0.5 * sy - 0.5, 0, 0, 1};
    const Homography back = {1 / sx, 0, 0.5 / sx - 0.5, 0, 1 / sy, 0.5 / sy - 0.5, 0, 0, 1};
    for (Homography& h : result_.camera.to_first) h = compose(compose(back, h), into);
    result_.stabilised = stabilise(*clip_.tracks, result_.camera);
    return result_;
  }

  float speed_scale() const { return static_cast<float>(clip_.tracks->frame.w) / static_cast<float>(whole_.frame.w); }
  Point to_grid(Point p) const {
    const auto quant = static_cast<float>(config_.quant);
    return {quant * p.x / static_cast<float>(whole_.frame.w), quant * p.y / static_cast<float>(whole_.frame.h)};
  }
  // Far beyond any picture a coordinate means nothing, and must not leave the range of an integer.
  static int truncated(float q) {
    constexpr float kFar = 1e6F;
    return std::isnan(q) ? 0 : static_cast<int>(std::clamp(q, -kFar, kFar));
  }
  static Cell truncated(Point q) { return {truncated(q.x), truncated(q.y)}; }

  const ClipInput& clip_;
  const MarkConfig& config_;
  const ReferenceRules& rules_;
  PointTracks whole_;   // all frames, in the working frame, stabilised once the camera is removed
  PointTracks tracks_;  // from the marked frame on
  std::vector<float> speed_;
  ClipMarks result_;
};

}  // namespace

PointTracks robot_tracks(const PointTracks& tracks) {
  PointTracks result = tracks;
  result.frame = {512, 512};
  for (Point& p : result.xy) p = {std::floor(p.x * 2), std::floor(p.y * 2)};
  return result;
}

ClipMarks make_reference_marks(const ClipInput& clip, const MarkConfig& config, const ReferenceRules& rules) {
  MAGMA_CHECK(clip.tracks != nullptr, "a clip without tracks");
  return ReferenceProcedure(clip, config, rules).make();
}

}  // namespace magma
