#include "magma/nn/input_moments.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "magma/core/check.h"
#include "magma/kernel/matmul.h"

namespace magma {
namespace {

constexpr int64_t kBlock = 256;  // rows of the sums at a time: little more than the lower half is computed

// Rows of length one.
std::vector<float> transposed(const Tensor& x, Team& team) {
  constexpr int64_t kTile = 32;
  const int64_t rows = x.dim(0), K = x.dim(1);
  std::vector<float> result(static_cast<size_t>(rows * K));
  const float* from = x.floats();
  std::vector<float> factors(static_cast<size_t>(rows));
  team.run(rows, [&](int64_t r) {
    double squares = 0;
    for (int64_t k = 0; k < K; ++k) squares += static_cast<double>(from[r * K + k]) * from[r * K + k];
    factors[static_cast<size_t>(r)] = squares == 0 ? 0.0F : static_cast<float>(1 / std::sqrt(squares));
  });
  team.run((K + kTile - 1) / kTile, [&](int64_t tile) {
    const int64_t end = std::min(K, (tile + 1) * kTile);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t k = tile * kTile; k < end; ++k) {
        result[static_cast<size_t>(k * rows + r)] = from[r * K + k] * factors[static_cast<size_t>(r)];
      }
    }
  });
  return result;
}

}  // namespace

InputMoments::InputMoments(int64_t width) : sums_(Tensor::zeros({width, width})) {}

void InputMoments::add(const Tensor& x, Team& team) {
  const int64_t K = width(), rows = x.dim(0);
  MAGMA_CHECK(x.rank() == 2 && x.dim(1) == K, "{} for a width of {}", shape_text(x.shape()), K);
  const std::vector<float> columns = transposed(x, team);
  std::vector<float> products(static_cast<size_t>(std::min(kBlock, K) * K));
  float* sums = sums_.mutable_floats();
  for (int64_t first = 0; first < K; first += kBlock) {
    const int64_t end = std::min(K, first + kBlock);
    matmul({.M = end - first,
            .N = end,
            .K = rows,
            .x = columns.data() + first * rows,
            .weight = columns.data(),
            .y = products.data()},
           team);
    team.run(end - first, [&](int64_t i) {
      const float* from = products.data() + i * end;
      float* to = sums + (first + i) * K;
      for (int64_t j = 0; j <= first + i; ++j) to[j] += from[j];
    });
  }
  rows_ += rows;
}

bool InputMoments::is_finite() const {
  for (int64_t i = 0; i < width(); ++i) {
    if (!std::isfinite(sums_.floats()[i * width() + i])) return false;
  }
  return true;
}

}  // namespace magma
