// Activations in signed 8 bits, each group of depths of a row with its own scale: value = scale * code.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/kernel/team.h"

namespace magma {

// Kept from call to call, it allocates only when it grows.
class QuantisedRows {
 public:
  // x [rows, K]. A group: as of the weights they meet. Codes are in [-127, 127], scale = max |x| / 127.
  // NaN and infinities make the group's scale NaN.
  void assign(const float* x, int64_t rows, int64_t K, int64_t group, Team& team);
  // In parts: room first, then row by row and group by group, from any thread.
  void reserve(int64_t rows, int64_t K, int64_t group);
  void assign_groups(int64_t row, int64_t first_group, int64_t last_group, const float* x);  // x: of the first group

  int64_t rows() const { return rows_; }
  int64_t group() const { return group_; }
  int64_t groups() const { return groups_; }
  int64_t depth() const { return groups_ * group_; }  // K filled up with zeros
  const int8_t* codes(int64_t row) const { return codes_.data() + row * depth(); }
  const float* scales(int64_t row) const { return scales_.data() + row * groups_; }
  const int32_t* sums(int64_t row) const { return sums_.data() + row * groups_; }  // of the codes of a group

 private:
  int64_t rows_ = 0, K_ = 0, group_ = 0, groups_ = 0;
  std::vector<int8_t> codes_;
  std::vector<float> scales_;
  std::vector<int32_t> sums_;
};

}  // namespace magma
