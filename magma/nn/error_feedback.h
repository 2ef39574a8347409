// ErrorFeedback: how the rounding error of one input's weight is made good by the weights of later inputs.
//
// GPTQ (Frantar and others 2022, arXiv 2210.17323): with H = X^T X of what the inputs were, damped, the error
// e H e^T of a row of weights is least when each weight is rounded in turn and those not yet rounded move to make up
// for it. GPTQ moves them by rows of the Cholesky factor of the inverse of H. Here H = M M^T with M upper triangular,
// so that e H e^T = |e M|^2: the term of input i, M[i,i] (e[i] + sum over j < i of e[j] M[j,i] / M[i,i]), is least when
// what is rounded is w[i] + that sum. These are the same numbers (the inverse of M is GPTQ's factor) without an
// inverse.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/kernel/team.h"
#include "magma/nn/input_moments.h"

namespace magma {

class ErrorFeedback {
 public:
  static constexpr int64_t kBlock = 32;     // inputs
  static constexpr double kDamping = 0.01;  // as in the paper
  // `damping`: of the mean of the diagonal, added to it. Sums that are not finite are a fault of the caller. The same
  // for any number of threads.
  ErrorFeedback(const InputMoments& moments, Team& team, double damping = kDamping);

  int64_t width() const { return static_cast<int64_t>(costs_.size()); }
  // M[i,i]^2: what the square of a residual costs.
  const std::vector<float>& costs() const { return costs_; }
  // [inputs up to the block's end, 32]: M[j,i] / M[i,i] of the block's inputs i; zero where j >= i.
  const float* block(int64_t index) const { return factors_.data() + position(index); }
  int64_t bytes() const { return static_cast<int64_t>((factors_.size() + costs_.size()) * sizeof(float)); }

 private:
  static int64_t position(int64_t block) { return kBlock * kBlock * block * (block + 1) / 2; }

  std::vector<float> costs_;
  std::vector<float> factors_;
};

}  // namespace magma
