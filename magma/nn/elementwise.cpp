#include "magma/nn/elementwise.h"

#include <algorithm>

namespace magma {
namespace {

constexpr int64_t kValuesOfTask = 16384;

}  // namespace

void add(const float* from, int64_t count, float* to, Team& team) {
  team.run((count + kValuesOfTask - 1) / kValuesOfTask, [&](int64_t task) {
    const int64_t end = std::min(count, (task + 1) * kValuesOfTask);
    for (int64_t i = task * kValuesOfTask; i < end; ++i) to[i] += from[i];
  });
}

void add_scaled_columns(const ScaledColumns& job, Team& team) {
  team.run(job.rows, [&](int64_t r) {
    const float* from = job.from + r * job.width;
    float* to = job.to + r * job.width;
    for (int64_t c = 0; c < job.width; ++c) to[c] += from[c] * job.scale[c];
  });
}

}  // namespace magma
