// Seeded k-means: k-means++ start, restarts, empty clusters re-seeded with the farthest row.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/core/random.h"

namespace magma {

struct KMeansOptions {
  int restarts = 4;
  int max_iterations = 50;
};

// rows [n, d] row-major; k clipped to n. Returns the cluster of each row, [n], every cluster non-empty.
std::vector<int> kmeans(const std::vector<float>& rows, int64_t d, int k, Rng& rng, const KMeansOptions& options = {});

}  // namespace magma
