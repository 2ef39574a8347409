#include "magma/mark/kmeans.h"

#include <algorithm>
#include <limits>

#include "magma/core/check.h"

namespace magma {
namespace {

// One run over rows [n, d]: k-means++ start, Lloyd steps until nothing changes.
class Lloyd {
 public:
  Lloyd(const std::vector<float>& rows, size_t d, size_t k)
      : rows_(rows), n_(rows.size() / d), d_(d), k_(k), centres_(k * d), cluster_(n_, 0), distance_(n_) {}

  double run(Rng& rng, int max_iterations) {
    seed(rng);
    for (int iteration = 0; iteration < max_iterations; ++iteration) {
      const bool changed = assign() || iteration == 0;
      repair_empty();
      if (!changed) break;
      update_centres();
    }
    double inertia = 0;
    for (size_t i = 0; i < n_; ++i) inertia += squared_distance(i, static_cast<size_t>(cluster_[i]));
    return inertia;
  }

  const std::vector<int>& cluster() const { return cluster_; }

 private:
  double squared_distance(size_t row, size_t centre) const {
    double sum = 0;
    for (size_t j = 0; j < d_; ++j) {
      const double difference = rows_[row * d_ + j] - centres_[centre * d_ + j];
      sum += difference * difference;
    }
    return sum;
  }

  void set_centre(size_t centre, size_t row) {
    for (size_t j = 0; j < d_; ++j) centres_[centre * d_ + j] = rows_[row * d_ + j];
  }

  // The next centre is a row drawn with probability proportional to its squared distance from the centres so far.
  void seed(Rng& rng) {
    set_centre(0, static_cast<size_t>(rng.integer(0, static_cast<int64_t>(n_) - 1)));
    std::vector<double> nearest(n_, std::numeric_limits<double>::infinity());
    for (size_t c = 1; c < k_; ++c) {
      double total = 0;
      for (size_t i = 0; i < n_; ++i) {
        nearest[i] = std::min(nearest[i], squared_distance(i, c - 1));
        total += nearest[i];
      }
      double left = rng.uniform() * total;
      size_t chosen = 0;
      while (chosen + 1 < n_ && left >= nearest[chosen]) left -= nearest[chosen++];
      set_centre(c, chosen);
    }
  }

  bool assign() {
    bool changed = false;
    for (size_t i = 0; i < n_; ++i) {
      size_t best = 0;
      distance_[i] = squared_distance(i, 0);
      for (size_t c = 1; c < k_; ++c) {
        const double distance = squared_distance(i, c);
        if (distance < distance_[i]) {
          distance_[i] = distance;
          best = c;
        }
      }
      changed = changed || cluster_[i] != static_cast<int>(best);
      cluster_[i] = static_cast<int>(best);
    }
    return changed;
  }

  // An empty cluster takes the row farthest from its own centre, out of a cluster that can spare one.
  void repair_empty() {
    std::vector<int> size(k_, 0);
    for (const int c : cluster_) ++size[static_cast<size_t>(c)];
    for (size_t empty = 0; empty < k_; ++empty) {
      if (size[empty] > 0) continue;
      size_t farthest = n_;
      for (size_t i = 0; i < n_; ++i) {
        const bool spare = size[static_cast<size_t>(cluster_[i])] > 1;
        if (spare && (farthest == n_ || distance_[i] > distance_[farthest])) farthest = i;
      }
      --size[static_cast<size_t>(cluster_[farthest])];
      ++size[empty];
      cluster_[farthest] = static_cast<int>(empty);
      distance_[farthest] = 0;
      set_centre(empty, farthest);
    }
  }

  void update_centres() {
    std::vector<double> sum(k_ * d_, 0);
    std::vector<double> count(k_, 0);
    for (size_t i = 0; i < n_; ++i) {
      const auto c = static_cast<size_t>(cluster_[i]);
      ++count[c];
      for (size_t j = 0; j < d_; ++j) sum[c * d_ + j] += rows_[i * d_ + j];
    }
    for (size_t c = 0; c < k_; ++c) {
      for (size_t j = 0; j < d_; ++j) centres_[c * d_ + j] = sum[c * d_ + j] / count[c];
    }
  }

  const std::vector<float>& rows_;
  const size_t n_, d_, k_;
  std::vector<double> centres_;   // [k, d]
  std::vector<int> cluster_;      // [n]
  std::vector<double> distance_;  // [n] squared, to the own centre
};

}  // namespace

std::vector<int> kmeans(const std::vector<float>& rows, int64_t d, int k, Rng& rng, const KMeansOptions& options) {
  MAGMA_CHECK(d > 0 && rows.size() % static_cast<size_t>(d) == 0, "{} values are not rows of {}", rows.size(), d);
  const size_t n = rows.size() / static_cast<size_t>(d);
  if (n == 0) return {};
  MAGMA_CHECK(k >= 1 && options.restarts >= 1 && options.max_iterations >= 1, "k {}", k);
  std::vector<int> best;
  double best_inertia = std::numeric_limits<double>::infinity();
  for (int restart = 0; restart < options.restarts; ++restart) {
    Lloyd lloyd(rows, static_cast<size_t>(d), std::min(static_cast<size_t>(k), n));
    const double inertia = lloyd.run(rng, options.max_iterations);
    if (inertia < best_inertia) {  // the first of equals stays
      best_inertia = inertia;
      best = lloyd.cluster();
    }
  }
  return best;
}

}  // namespace magma
