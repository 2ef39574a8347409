// What the tests of kernels draw and compare.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "magma/core/random.h"

namespace magma {

using Values = std::vector<float>;

inline Values drawn(int64_t count, uint64_t seed) {
  Rng rng(seed);
  Values values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(rng.normal());
  return values;
}

inline float largest_difference(const Values& a, const Values& b) {
  EXPECT_EQ(a.size(), b.size());
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace magma
