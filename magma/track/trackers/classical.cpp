// The default tracker: Lucas-Kanade steps that must agree forwards and backwards and keep a point's look; lost points
// ride along with the points that move like them until they are found again. Source: som_tom.md 3.1.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "magma/core/check.h"
#include "magma/core/thread_pool.h"
#include "magma/track/classical_appearance.h"
#include "magma/track/classical_flow.h"
#include "magma/track/classical_neighbours.h"
#include "magma/track/classical_search.h"
#include "magma/track/tracker.h"

namespace magma {

namespace {

constexpr int kLevels = 5;
constexpr FlowSettings kQuick = {2, 10, 0.03F};
constexpr FlowSettings kThorough = {4, 30, 0.01F};
constexpr float kMaxBackward = 0.5F;  // px between a point and its way there and back
constexpr float kMinCorrelation = 0.7F;
constexpr float kFoundCorrelation = 0.75F;  // for a lost point
constexpr float kRenewCorrelation = 0.8F;   // below it an accepted point's template is taken anew
constexpr float kTextured = 6;              // grey levels, deviation of a patch
constexpr float kFlat = 3;
constexpr float kReference = 1.5F;
constexpr float kColourTextured = 35;
constexpr float kColourFlat = 14;
constexpr float kColourRate = 0.1F;
constexpr float kSearchable = 3;      // grey levels, deviation of a patch that can be told from others
constexpr float kMaxNear = 6;         // px from the predicted place to where the template fits
constexpr float kMaxRefinement = 3;   // px from the best half-size match to where the template fits
constexpr float kMaxTurn = 1.5F;      // px per frame
constexpr float kSurelySame = 0.97F;  // correlation
constexpr int64_t kSearchesPerFrame = 32;
constexpr int kMaxSearchRadius = 32;  // px
constexpr float kQualityScale = 8;    // grey levels per px at which a patch counts as well textured
constexpr float kCoast = 0.8F;        // share of its step a point keeps when nothing tells its motion

// What a point looked like when its template was taken.
struct Template {
  alignas(32) float flow[kFlowPatch * kFlowPatch];
  Patch patch;
  SearchTemplate search;
  Colour colour = {};  // gain taken out
  Point at;            // where it was taken
};

// The template of a place in one frame. The way back from there needs it, and so does the next step on from there.
struct PlaceTemplate {
  FlowTemplate flow;
  Point at;
  int64_t frame = -1;

  bool is_of(int64_t other_frame, Point place) const {
    return frame == other_frame && at.x == place.x && at.y == place.y;
  }
};

// What is seen at a place of the current frame.
struct Look {
  Patch patch;
  Colour colour = {};
  float correlation = 0, difference = 0;
};

struct TrackedPoint {
  Query query;
  Point at, step;  // step: from the previous frame to this one
  bool started = false, tracked = false;
  int lost = 0;  // frames since it was last seen
  float quality = 0, confidence = 0;
  size_t place = 0;  // PlaceTemplate
  Template reference;
};

// One frame's attempt to follow one point.
struct Attempt {
  bool found = false, accepted = false;
  Point to;
  float backward = 0;  // px
  size_t place = 0;    // PlaceTemplate
  Look look;
};

}  // namespace

class ClassicalTracker final : public Tracker {
 public:
  static constexpr const char* kSummary =
      "Lucas-Kanade with forward-backward and appearance checks, motion of neighbours and re-detection";

  explicit ClassicalTracker(const TrackerOptions& options) : options_(options) {}

  std::string version() const override { return "classical/2"; }
  void begin(std::span<const Query> queries, Sink sink) override;
  void push(const Planes& frame) override;
  void finish() override {}

 private:
  void start_points(const Planes& frame);
  void follow_points(const Planes& frame);
  void estimate_gain();
  void retry(const Planes& frame);
  void settle(const Planes& frame);
  void redetect(const Planes& frame);
  void renew(const Planes& frame);
  void emit();

  bool changed_course(const TrackedPoint& point, const Attempt& attempt, Point companions) const;
  void try_step(const Planes& frame, const TrackedPoint& point, const FlowSettings& settings, Attempt& attempt);
  bool looks_right(const TrackedPoint& point, const Look& look, float min_correlation) const;
  bool settles_at(const Planes& frame, const TrackedPoint& point, const FlowTemplate& target, float max_move,
                  Attempt& attempt) const;
  bool find_again(const Planes& frame, const TrackedPoint& point, bool search_around, Attempt& attempt) const;
  void look(const Planes& frame, const TrackedPoint& point, Attempt& attempt) const;
  void take_template(const Planes& frame, TrackedPoint& point) const;
  Colour without_gain(Colour colour) const;
  Neighbours::Motion motion() const { return {position_, step_, known_}; }
  void collect_motion();
  template <typename Body>
  void for_points(const Body& body) const;

  TrackerOptions options_;
  Sink sink_;
  std::vector<TrackedPoint> points_;
  std::vector<Attempt> attempts_;
  std::vector<PlaceTemplate> places_;  // [2 N]
  std::optional<Neighbours> neighbours_;
  std::vector<Point> position_, step_;  // [N] this frame's motion, as the neighbours see it
  std::vector<uint8_t> known_;          // [N]
  FloatPyramid previous_, current_;
  Colour gain_ = {1, 1, 1};  // of this frame over the first
  float noise_ = 0;          // grey levels
  int64_t frame_ = 0;
  int64_t next_search_ = 0;  // round robin
};

MAGMA_REGISTER(Trackers, ClassicalTracker);

template <typename Body>
void ClassicalTracker::for_points(const Body& body) const {
  parallel_for(options_.threads, static_cast<int64_t>(points_.size()), [&](int64_t begin, int64_t end) {
    for (auto n = static_cast<size_t>(begin); n < static_cast<size_t>(end); ++n) body(n);
  });
}

void ClassicalTracker::begin(std::span<const Query> queries, Sink sink) {
  sink_ = std::move(sink);
  const size_t N = queries.size();
  points_.assign(N, {});
  attempts_.assign(N, {});
  places_.assign(2 * N, {});
  std::vector<Point> starts(N);
  for (size_t n = 0; n < N; ++n) {
    points_[n].query = queries[n];
    points_[n].at = starts[n] = queries[n].point;
    points_[n].place = n;
    attempts_[n].place = N + n;
  }
  neighbours_.emplace(starts);
  position_.assign(N, {});
  step_.assign(N, {});
  known_.assign(N, 0);
  gain_ = {1, 1, 1};
  frame_ = next_search_ = 0;
}

void ClassicalTracker::push(const Planes& frame) {
  MAGMA_CHECK(neighbours_.has_value(), "push() before begin()");
  std::swap(previous_, current_);
  current_.build(frame.luma, kLevels);
  if (frame_ == 0) {
    noise_ = estimate_noise(frame.luma);
  } else {
    MAGMA_CHECK(frame.luma.size == previous_.level(0).size(), "frame size changed");
    follow_points(frame);
    estimate_gain();
    retry(frame);
    settle(frame);
    redetect(frame);
    renew(frame);
  }
  start_points(frame);
  emit();
  ++frame_;
}

void ClassicalTracker::start_points(const Planes& frame) {
  for (TrackedPoint& point : points_) {
    if (point.started || point.query.frame > frame_) continue;
    point.started = true;
    point.tracked = inside(point.at, frame.luma.size);
    point.confidence = point.tracked ? 1.0F : 0.0F;
    take_template(frame, point);
    FlowTemplate texture;
    texture.prepare(point.reference.flow, point.at, frame.luma.size);
    point.quality = std::min(1.0F, std::sqrt(std::max(0.0F, texture.min_eigenvalue())) / kQualityScale);
  }
}

void ClassicalTracker::take_template(const Planes& frame, TrackedPoint& point) const {
  const FloatPlane& half = current_.level(std::min(1, current_.levels() - 1));
  Template& reference = point.reference;
  reference.at = point.at;
  current_.level(0).sample<kFlowPatch>(point.at, reference.flow);
  reference.patch.take(current_.level(0), point.at);
  reference.search.take(half, point.at * 0.5F);
  reference.colour = without_gain(mean_colour(frame, point.at));
}

Colour ClassicalTracker::without_gain(Colour colour) const {
  for (size_t c = 0; c < 3; ++c) colour[c] /= gain_[c];
  return colour;
}

void ClassicalTracker::look(const Planes& frame, const TrackedPoint& point, Attempt& attempt) const {
  Look& seen = attempt.look;
  seen.patch.take(current_.level(0), attempt.to);
  seen.colour = mean_colour(frame, attempt.to);
  seen.correlation = correlation(point.reference.patch, seen.patch);
  seen.difference = mean_difference(point.reference.patch, seen.patch);
}

// Forward, then backward at full size only, starting at the old position.
void ClassicalTracker::try_step(const Planes& frame, const TrackedPoint& point, const FlowSettings& settings,
                                Attempt& attempt) {
  attempt.found = attempt.accepted = false;
  PlaceTemplate& here = places_[point.place];
  const bool is_ready = here.is_of(frame_ - 1, point.at);
  here.frame = -1;  // until it is whole
  if (!follow(previous_, current_, point.at, attempt.to, settings, here.flow, is_ready)) return;
  here.at = point.at;
  here.frame = frame_ - 1;
  if (!inside(attempt.to, frame.luma.size)) return;
  PlaceTemplate& there = places_[attempt.place];
  there.frame = -1;
  Point back = point.at;
  const FlowSettings on_base = {0, settings.iterations, settings.epsilon};
  if (!follow(current_, previous_, attempt.to, back, on_base, there.flow, false)) return;
  there.at = attempt.to;
  there.frame = frame_;
  attempt.backward = norm(back - point.at);
  if (attempt.backward >= kMaxBackward) return;
  attempt.found = true;
  look(frame, point, attempt);
}

bool ClassicalTracker::looks_right(const TrackedPoint& point, const Look& look, float min_correlation) const {
  const float deviation = point.reference.patch.deviation;
  const bool same =
      look.correlation > min_correlation || (deviation < kTextured && look.difference < 1 + 2 * std::max(noise_, 0.8F));
  const float limit = deviation < kTextured ? kColourFlat : kColourTextured;
  return same && colour_distance(point.reference.colour, without_gain(look.colour)) < limit;
}

void ClassicalTracker::follow_points(const Planes& frame) {
  for_points([&](size_t n) {
    const TrackedPoint& point = points_[n];
    attempts_[n].found = attempts_[n].accepted = false;
    if (!point.started || !point.tracked) return;
    attempts_[n].to = point.at + point.step;
    try_step(frame, point, kQuick, attempts_[n]);
  });
}

// Median over the points that kept their pattern (which no gain changes) of how much brighter each channel became.
void ClassicalTracker::estimate_gain() {
  constexpr size_t kMinPoints = 8;
  std::array<std::vector<float>, 3> ratios;
  for (size_t n = 0; n < points_.size(); ++n) {
    if (!attempts_[n].found || attempts_[n].look.correlation < kMinCorrelation) continue;
    for (size_t c = 0; c < 3; ++c) {
      const float before = points_[n].reference.colour[c], now = attempts_[n].look.colour[c];
      if (before > 8 && now > 0) ratios[c].push_back(now / before);
    }
  }
  for (size_t c = 0; c < 3; ++c) {
    if (ratios[c].size() < kMinPoints) continue;
    const auto middle = ratios[c].begin() + static_cast<ptrdiff_t>(ratios[c].size() / 2);
    std::nth_element(ratios[c].begin(), middle, ratios[c].end());
    gain_[c] = std::clamp(*middle, 0.1F, 10.0F);
  }
}

void ClassicalTracker::collect_motion() {
  for (size_t n = 0; n < points_.size(); ++n) {
    position_[n] = points_[n].at;
    step_[n] = attempts_[n].to - points_[n].at;
    known_[n] = attempts_[n].accepted && points_[n].reference.patch.deviation >= kReference;
  }
}

void ClassicalTracker::retry(const Planes& frame) {
  for_points([&](size_t n) {
    Attempt& attempt = attempts_[n];
    attempt.accepted = attempt.found && looks_right(points_[n], attempt.look, kMinCorrelation);
  });
  collect_motion();
  for_points([&](size_t n) {
    const TrackedPoint& point = points_[n];
    Attempt& attempt = attempts_[n];
    if (!point.started || !point.tracked || attempt.accepted) return;
    const std::optional<Point> step = neighbours_->step(motion(), static_cast<int64_t>(n));
    attempt.to = point.at + step.value_or(point.step);
    try_step(frame, point, kQuick, attempt);
    attempt.accepted = attempt.found && looks_right(point, attempt.look, kMinCorrelation);
    if (attempt.accepted) return;
    attempt.to = point.at;
    try_step(frame, point, kThorough, attempt);
    attempt.accepted = attempt.found && looks_right(point, attempt.look, kMinCorrelation);
  });
}

// Did the point leave both its own course and that of its companions? Then something else took hold of it.
bool ClassicalTracker::changed_course(const TrackedPoint& point, const Attempt& attempt, Point companions) const {
  const Point step = attempt.to - point.at;
  if (point.reference.patch.deviation >= kTextured && attempt.look.correlation > kSurelySame) return false;
  return norm(step - companions) > kMaxTurn && norm(step - point.step) > kMaxTurn;
}

// Steps of points that cannot be measured: the lost ones and those on patches too flat to tell.
void ClassicalTracker::settle(const Planes& frame) {
  collect_motion();
  for_points([&](size_t n) {
    const TrackedPoint& point = points_[n];
    Attempt& attempt = attempts_[n];
    if (!point.started) return;
    const bool flat = point.reference.patch.deviation < kFlat;
    const std::optional<Point> step = neighbours_->step(motion(), static_cast<int64_t>(n));
    if (attempt.accepted && step && changed_course(point, attempt, *step)) attempt.accepted = false;
    if (attempt.accepted && !flat) return;
    if (!attempt.accepted) {
      attempt.to = point.at + step.value_or(point.step * kCoast);
    } else if (step && norm(attempt.to - point.at - *step) > 1) {
      attempt.to = point.at + *step;
      if (current_.level(0).holds<kFlowPatch>(attempt.to)) look(frame, point, attempt);
      attempt.accepted = inside(attempt.to, frame.luma.size) && looks_right(point, attempt.look, kMinCorrelation);
    }
  });
}

// Refines `start` against the template; true when the point is really there.
bool ClassicalTracker::settles_at(const Planes& frame, const TrackedPoint& point, const FlowTemplate& target,
                                  float max_move, Attempt& attempt) const {
  const Point start = attempt.to;
  if (!target.align(current_.level(0), attempt.to, 10, 0.03F)) return false;
  if (norm(attempt.to - start) > max_move || !inside(attempt.to, frame.luma.size)) return false;
  look(frame, point, attempt);
  return looks_right(point, attempt.look, kFoundCorrelation);
}

// At the predicted place first, then near it, then around it.
bool ClassicalTracker::find_again(const Planes& frame, const TrackedPoint& point, bool search_around,
                                  Attempt& attempt) const {
  const Point predicted = attempt.to;
  if (inside(predicted, frame.luma.size)) {
    look(frame, point, attempt);
    if (looks_right(point, attempt.look, kFoundCorrelation)) return true;
  }
  if (point.reference.patch.deviation < kSearchable) return false;
  FlowTemplate target;
  target.prepare(point.reference.flow, point.reference.at, frame.luma.size);
  if (settles_at(frame, point, target, kMaxNear, attempt)) return true;
  attempt.to = predicted;
  if (!search_around || current_.levels() < 2) return false;
  const int radius = std::min(6 + point.lost, kMaxSearchRadius);
  const std::optional<Point> place = search(current_.level(1), point.reference.search, predicted * 0.5F, radius / 2);
  if (!place) return false;
  attempt.to = *place * 2.0F;
  if (settles_at(frame, point, target, kMaxRefinement, attempt)) return true;
  attempt.to = predicted;
  return false;
}

void ClassicalTracker::redetect(const Planes& frame) {
  const auto N = static_cast<int64_t>(points_.size());
  std::vector<uint8_t> search_around(points_.size(), 0);
  int64_t searches = 0, last = next_search_;
  for (int64_t k = 0; k < N && searches < kSearchesPerFrame; ++k) {
    const auto n = static_cast<size_t>((next_search_ + k) % N);
    if (!points_[n].started || attempts_[n].accepted) continue;
    if (!inside(attempts_[n].to, current_.level(0).size(), -kMaxSearchRadius)) continue;
    search_around[n] = 1;
    ++searches;
    last = static_cast<int64_t>(n) + 1;
  }
  next_search_ = N == 0 ? 0 : last % N;
  for_points([&](size_t n) {
    Attempt& attempt = attempts_[n];
    if (!points_[n].started || attempt.accepted) return;
    attempt.found = find_again(frame, points_[n], search_around[n] != 0, attempt);
    attempt.backward = 0;
  });
}

void ClassicalTracker::renew(const Planes& frame) {
  const Neighbours::Motion seen = motion();
  neighbours_->learn_common(seen);
  parallel_for(options_.threads, static_cast<int64_t>(points_.size()),
               [&](int64_t begin, int64_t end) { neighbours_->learn(seen, begin, end); });
  for_points([&](size_t n) {
    TrackedPoint& point = points_[n];
    Attempt& attempt = attempts_[n];
    if (!point.started) return;
    std::swap(point.place, attempt.place);
    const bool seen_again = !attempt.accepted && attempt.found;
    point.step = seen_again ? Point{} : attempt.to - point.at;
    point.at = attempt.to;
    point.tracked = attempt.accepted || seen_again;
    point.lost = point.tracked ? 0 : point.lost + 1;
    point.confidence = 0;
    if (!point.tracked) return;
    point.confidence = std::clamp(attempt.look.correlation, 0.0F, 1.0F) * std::max(0.0F, 1 - attempt.backward);
    const Colour colour = without_gain(attempt.look.colour);
    if (attempt.look.correlation < kRenewCorrelation && point.reference.patch.deviation >= kTextured) {
      take_template(frame, point);
      return;
    }
    for (size_t c = 0; c < 3; ++c) point.reference.colour[c] += kColourRate * (colour[c] - point.reference.colour[c]);
  });
}

void ClassicalTracker::emit() {
  TrackRow row;
  row.frame = frame_;
  for (const TrackedPoint& point : points_) {
    row.xy.push_back(point.at);
    row.visible.push_back(point.started && point.tracked);
    row.confidence.push_back(point.started ? point.confidence : 0.0F);
    row.quality.push_back(point.quality);
  }
  sink_(row);
}

}  // namespace magma
