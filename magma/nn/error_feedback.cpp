#include "magma/nn/error_feedback.h"

#include <algorithm>
#include <cmath>

#include "magma/core/check.h"
#include "magma/core/simd.h"

namespace magma {

using Double4 = double __attribute__((vector_size(32)));

MAGMA_INLINE static Double4 load_doubles(const double* from) {
  Double4 value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

namespace {

constexpr int64_t kStep = 64;  // columns that are factored at a time
constexpr int64_t kTileRows = 4, kTileColumns = 8;

// A piece of the matrix below the columns that were just factored.
struct Tile {
  const double* left;   // [4, stride]: the factored columns of the tile's rows
  const double* right;  // [kStep, width]: the factored columns of the tile's columns, transposed
  double* out;          // [4, stride]
  int64_t stride, width, steps;
};

}  // namespace

// out -= left right, 4 x 8.
MAGMA_CPU_CLONES static void subtract_product(const Tile& tile) {
  Double4 sums[kTileRows][2] = {};
  for (int64_t t = 0; t < tile.steps; ++t) {
    const Double4 first = load_doubles(tile.right + t * tile.width);
    const Double4 second = load_doubles(tile.right + t * tile.width + 4);
    MAGMA_UNROLL for (int64_t r = 0; r < kTileRows; ++r) {
      const double left = tile.left[r * tile.stride + t];
      sums[r][0] += left * first;
      sums[r][1] += left * second;
    }
  }
  for (int64_t r = 0; r < kTileRows; ++r) {
    for (int64_t half = 0; half < 2; ++half) {
      double* out = tile.out + r * tile.stride + 4 * half;
      const Double4 value = load_doubles(out) - sums[r][half];
      __builtin_memcpy(out, &value, sizeof value);
    }
  }
}

namespace {

// A = L L^T in place, lower triangle. No pivot is below the damping but by rounding: `least`. The size is a multiple
// of 8.
class Cholesky {
 public:
  Cholesky(std::vector<double>& matrix, int64_t size, double least) : a_(matrix.data()), n_(size), least_(least) {}

  void run(Team& team) {
    std::vector<double> panel(static_cast<size_t>(kStep * n_));
    for (int64_t first = 0; first < n_; first += kStep) {
      const int64_t end = std::min(n_, first + kStep);
      factor_corner(first, end);
      team.run(n_ - end, [&](int64_t i) { solve_row(first, end, end + i, panel.data()); });
      update_rest(first, end, panel.data(), team);
    }
  }

 private:
  double dot(int64_t i, int64_t j, int64_t first, int64_t end) const {
    double sum = 0;
    for (int64_t t = first; t < end; ++t) sum += a_[i * n_ + t] * a_[j * n_ + t];
    return sum;
  }

  void factor_corner(int64_t first, int64_t end) {
    for (int64_t i = first; i < end; ++i) {
      for (int64_t j = first; j < i; ++j) a_[i * n_ + j] = (a_[i * n_ + j] - dot(i, j, first, j)) / a_[j * n_ + j];
      a_[i * n_ + i] = std::sqrt(std::max(least_, a_[i * n_ + i] - dot(i, i, first, i)));
    }
  }

  void solve_row(int64_t first, int64_t end, int64_t i, double* panel) {
    for (int64_t j = first; j < end; ++j) {
      a_[i * n_ + j] = (a_[i * n_ + j] - dot(i, j, first, j)) / a_[j * n_ + j];
      panel[(j - first) * n_ + i] = a_[i * n_ + j];
    }
  }

  void update_rest(int64_t first, int64_t end, const double* panel, Team& team) {
    team.run((n_ - end) / kTileRows, [&](int64_t task) {
      const int64_t i = end + task * kTileRows;
      for (int64_t j = end; j < i + kTileRows; j += kTileColumns) {
        subtract_product({a_ + i * n_ + first, panel + j, a_ + i * n_ + j, n_, n_, end - first});
      }
    });
  }

  double* a_;
  int64_t n_;
  double least_;
};

int64_t rounded_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

ErrorFeedback::ErrorFeedback(const InputMoments& moments, Team& team, double share)
    : costs_(static_cast<size_t>(moments.width())) {
  MAGMA_CHECK(moments.is_finite(), "inputs that are no numbers");
  const int64_t K = moments.width(), n = rounded_up(K, kTileColumns);
  const float* sums = moments.sums().floats();
  double mean = 0;
  for (int64_t i = 0; i < K; ++i) mean += static_cast<double>(sums[i * K + i]) / static_cast<double>(K);
  // Inputs that were always zero: all are alike.
  const double damping = mean == 0 ? 1 : share * mean;
  // The last input first: the lower factor of the turned matrix, turned, is the upper one. Past K stands the damping
  // alone.
  std::vector<double> turned(static_cast<size_t>(n * n));
  team.run(n, [&](int64_t i) {
    double* row = turned.data() + i * n;
    for (int64_t j = 0; j <= i && i < K; ++j) row[j] = sums[(K - 1 - j) * K + (K - 1 - i)];
    row[i] += damping;
  });
  Cholesky(turned, n, damping).run(team);
  const auto lower = [&](int64_t i, int64_t j) { return turned[static_cast<size_t>((K - 1 - i) * n + K - 1 - j)]; };
  for (int64_t i = 0; i < K; ++i) costs_[static_cast<size_t>(i)] = static_cast<float>(lower(i, i) * lower(i, i));
  const int64_t blocks = (K + kBlock - 1) / kBlock;
  factors_.assign(static_cast<size_t>(position(blocks)), 0);
  team.run(blocks, [&](int64_t block) {
    const int64_t first = block * kBlock, end = std::min(K, first + kBlock);
    float* to = factors_.data() + position(block);
    for (int64_t j = 0; j < end; ++j) {
      for (int64_t i = std::max(first, j + 1); i < end; ++i) {
        to[j * kBlock + i - first] = static_cast<float>(lower(j, i) / lower(i, i));
      }
    }
  });
}

}  // namespace magma
