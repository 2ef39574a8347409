// InputMoments: what the inputs of a linear layer were, as sums of products of two of them.
#pragma once

#include <cstdint>
#include <string>

#include "magma/kernel/team.h"
#include "magma/nn/tensor.h"

namespace magma {

// X^T X over all rows it is given, each scaled to length one: where a model parks its attention a token's values are
// hundreds of times those of the others, and it alone would decide. The same for any number of threads.
class InputMoments {
 public:
  explicit InputMoments(int64_t width);
  void add(const Tensor& x, Team& team);  // [rows, width]
  int64_t width() const { return sums_.dim(0); }
  int64_t rows() const { return rows_; }
  // [width, width]; only j <= i is filled.
  const Tensor& sums() const { return sums_; }
  bool is_finite() const;

 private:
  Tensor sums_;
  int64_t rows_ = 0;
};

}  // namespace magma
