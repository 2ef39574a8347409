#include "magma/track/classical_neighbours.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace magma {

namespace {

constexpr size_t kCandidates = 96;
constexpr size_t kCompanions = 6;
constexpr int kRounds = 5;         // of the fit of the common motion
constexpr float kStranger = 0.4F;  // weight of what is expected of a stranger
constexpr float kDecay = 0.9F;
constexpr float kMaxDifference = 3;   // px per frame; beyond it steps are just different
constexpr float kDistanceScale = 80;  // px that weigh as much as motion that differs in one frame

float median(std::span<float> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// step = (tx, ty) + [a -b; b a] position.
struct Similarity {
  float tx = 0, ty = 0, a = 0, b = 0;
  Point step(Point p) const { return {tx + a * p.x - b * p.y, ty + b * p.x + a * p.y}; }
};

// One round of weighted least squares; weights fall with the distance from `guess`.
Similarity refit(const Neighbours::Motion& motion, const Similarity& guess) {
  double w = 0, x = 0, y = 0, u = 0, v = 0, pp = 0, dot = 0, cross = 0;
  for (size_t n = 0; n < motion.known.size(); ++n) {
    if (!motion.known[n]) continue;
    const Point p = motion.position[n], d = motion.step[n];
    const float residual = norm(d - guess.step(p));
    const double weight = 1.0 / (1.0 + static_cast<double>(residual * residual));
    w += weight;
    x += weight * p.x;
    y += weight * p.y;
    u += weight * d.x;
    v += weight * d.y;
    pp += weight * (static_cast<double>(p.x) * p.x + static_cast<double>(p.y) * p.y);
    dot += weight * (static_cast<double>(p.x) * d.x + static_cast<double>(p.y) * d.y);
    cross += weight * (static_cast<double>(p.x) * d.y - static_cast<double>(p.y) * d.x);
  }
  const double spread = pp - (x * x + y * y) / w;
  if (spread < 1) return guess;
  const double a = (dot - (x * u + y * v) / w) / spread, b = (cross - (x * v - y * u) / w) / spread;
  return {static_cast<float>((u - a * x + b * y) / w), static_cast<float>((v - b * x - a * y) / w),
          static_cast<float>(a), static_cast<float>(b)};
}

}  // namespace

void Neighbours::learn_common(const Motion& motion) {
  std::vector<float> x, y;
  for (size_t n = 0; n < motion.known.size(); ++n) {
    if (!motion.known[n]) continue;
    x.push_back(motion.step[n].x);
    y.push_back(motion.step[n].y);
  }
  if (x.empty()) return;
  Similarity common = {median(x), median(y), 0, 0};
  for (int round = 0; round < kRounds; ++round) common = refit(motion, common);
  for (size_t n = 0; n < motion.known.size(); ++n) {
    if (!motion.known[n]) continue;
    const float difference = std::min(norm(motion.step[n] - common.step(motion.position[n])), kMaxDifference);
    foreign_[n] = kDecay * foreign_[n] + difference / kMaxDifference;
  }
}

Neighbours::Neighbours(std::span<const Point> starts) {
  const size_t N = starts.size();
  candidates_ = N == 0 ? 0 : std::min(kCandidates, N - 1);
  candidate_.reserve(N * candidates_);
  dissimilarity_.assign(N * candidates_, 0.0F);
  ignorance_.assign(N * candidates_, 1.0F);
  foreign_.assign(N, 0.0F);
  std::vector<int32_t> order(N);
  std::vector<float> distance(N);
  for (size_t n = 0; n < N; ++n) {
    std::iota(order.begin(), order.end(), 0);
    for (size_t m = 0; m < N; ++m) distance[m] = m == n ? -1 : norm(starts[m] - starts[n]);  // itself comes first
    const auto nearer = [&](int32_t a, int32_t b) {
      const float da = distance[static_cast<size_t>(a)], db = distance[static_cast<size_t>(b)];
      return da != db ? da < db : a < b;
    };
    const auto last = order.begin() + static_cast<ptrdiff_t>(candidates_) + 1;
    std::partial_sort(order.begin(), last, order.end(), nearer);
    for (auto other = order.begin() + 1; other != last; ++other) {
      candidate_.push_back(*other);
      distance_.push_back(distance[static_cast<size_t>(*other)]);
    }
  }
}

void Neighbours::learn(const Motion& motion, int64_t begin, int64_t end) {
  for (auto n = static_cast<size_t>(begin); n < static_cast<size_t>(end); ++n) {
    if (!motion.known[n]) continue;
    for (size_t k = n * candidates_; k < (n + 1) * candidates_; ++k) {
      const auto other = static_cast<size_t>(candidate_[k]);
      if (!motion.known[other]) continue;
      const float difference = std::min(norm(motion.step[n] - motion.step[other]), kMaxDifference);
      distance_[k] = norm(motion.position[n] - motion.position[other]);
      ignorance_[k] *= kDecay;
      dissimilarity_[k] = kDecay * dissimilarity_[k] + difference / kMaxDifference;
    }
  }
}

std::optional<Point> Neighbours::step(const Motion& motion, int64_t point) const {
  const auto n = static_cast<size_t>(point);
  std::array<std::pair<float, int32_t>, kCompanions> best;
  size_t found = 0;
  for (size_t k = n * candidates_; k < (n + 1) * candidates_; ++k) {
    const auto other = static_cast<size_t>(candidate_[k]);
    if (!motion.known[other]) continue;
    const float cost = distance_[k] / kDistanceScale + dissimilarity_[k] + kStranger * ignorance_[k] * foreign_[other];
    if (found == kCompanions && cost >= best[found - 1].first) continue;
    size_t place = found < kCompanions ? found++ : found - 1;
    for (; place > 0 && best[place - 1].first > cost; --place) best[place] = best[place - 1];
    best[place] = {cost, candidate_[k]};
  }
  if (found == 0) return std::nullopt;
  std::array<float, kCompanions> x, y;
  for (size_t k = 0; k < found; ++k) {
    const Point step = motion.step[static_cast<size_t>(best[k].second)];
    x[k] = step.x;
    y[k] = step.y;
  }
  return Point{median(std::span(x).first(found)), median(std::span(y).first(found))};
}

}  // namespace magma
