#include "magma/track/classical_neighbours.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace magma {

namespace {

constexpr size_t kCandidates = 96;
constexpr size_t kCompanions = 6;
constexpr float kDecay = 0.9F;
constexpr float kMaxDifference = 3;   // px per frame; beyond it steps are just different
constexpr float kDistanceScale = 40;  // px that weigh as much as one frame of different motion

float median(std::span<float> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

Neighbours::Neighbours(std::span<const Point> starts) {
  const size_t N = starts.size();
  candidates_ = N == 0 ? 0 : std::min(kCandidates, N - 1);
  candidate_.reserve(N * candidates_);
  dissimilarity_.assign(N * candidates_, 0.0F);
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
    candidate_.insert(candidate_.end(), order.begin() + 1, last);
  }
}

void Neighbours::learn(const Motion& motion, int64_t begin, int64_t end) {
  for (auto n = static_cast<size_t>(begin); n < static_cast<size_t>(end); ++n) {
    if (!motion.known[n]) continue;
    for (size_t k = n * candidates_; k < (n + 1) * candidates_; ++k) {
      const auto other = static_cast<size_t>(candidate_[k]);
      if (!motion.known[other]) continue;
      const float difference = std::min(norm(motion.step[n] - motion.step[other]), kMaxDifference);
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
    const float cost = norm(motion.position[other] - motion.position[n]) / kDistanceScale + dissimilarity_[k];
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
