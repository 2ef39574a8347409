#include "magma/kernel/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "magma/core/simd.h"
#include "magma/kernel/activation.h"

namespace magma {
namespace {

constexpr int64_t kQueriesOfTask = 16;

int64_t first_key(const Attention& job, int64_t last) {
  return job.window > 0 ? std::max<int64_t>(0, last - job.window + 1) : 0;
}

MAGMA_INLINE float dot(const float* a, const float* b, int64_t width) {
  Float8 sums = {};
  int64_t i = 0;
  for (; i + 8 <= width; i += 8) sums += load<Float8>(a + i) * load<Float8>(b + i);
  float total = sum(sums);
  for (; i < width; ++i) total += a[i] * b[i];
  return total;
}

MAGMA_INLINE void add_scaled(const float* from, float scale, int64_t width, float* to) {
  int64_t i = 0;
  for (; i + 8 <= width; i += 8) store(to + i, load<Float8>(to + i) + load<Float8>(from + i) * scale);
  for (; i < width; ++i) to[i] += from[i] * scale;
}

}  // namespace

MAGMA_CPU_CLONES void rotate(const Rotation& job) {
  const int64_t half = job.width / 2;
  for (int64_t g = 0; g < job.heads; ++g) {
    float* low = job.values + g * job.stride;
    float* high = low + half;
    for (int64_t k = 0; k < half; ++k) {
      const float a = low[k], b = high[k];
      low[k] = a * job.cosines[k] - b * job.sines[k];
      high[k] = b * job.cosines[k] + a * job.sines[k];
    }
  }
}

// One head of one query; `scores` has room for every key.
MAGMA_CPU_CLONES void attend_one(const Attention& job, int64_t t, int64_t head, float* scores) {
  const int64_t last = job.length - job.queries + t, first = first_key(job, last), count = last - first + 1;
  const int64_t key_head = head / (job.heads / job.key_heads);
  const float* query = job.query + t * job.query_stride + head * job.width;
  const float* keys = job.keys + (key_head * job.capacity + first) * job.width;
  const float* values = job.values + (key_head * job.capacity + first) * job.width;
  const float scale = 1.0F / std::sqrt(static_cast<float>(job.width));
  for (int64_t s = 0; s < count; ++s) scores[s] = dot(query, keys + s * job.width, job.width) * scale;
  softmax(scores, count);
  float* out = job.out + (t * job.heads + head) * job.width;
  std::fill(out, out + job.width, 0.0F);
  for (int64_t s = 0; s < count; ++s) add_scaled(values + s * job.width, scores[s], job.width, out);
}

void attend(const Attention& job, Team& team) {
  const int64_t blocks = (job.queries + kQueriesOfTask - 1) / kQueriesOfTask;
  team.run(blocks * job.heads, [&](int64_t i) {
    thread_local std::vector<float> scores;
    scores.resize(static_cast<size_t>(job.length));
    const int64_t begin = i / job.heads * kQueriesOfTask, end = std::min(job.queries, begin + kQueriesOfTask);
    for (int64_t t = begin; t < end; ++t) attend_one(job, t, i % job.heads, scores.data());
  });
}

void attend_plain(const Attention& job) {
  for (int64_t i = 0; i < job.queries * job.heads; ++i) {
    const int64_t t = i / job.heads, head = i % job.heads, key_head = head / (job.heads / job.key_heads);
    const int64_t last = job.length - job.queries + t;
    const float* query = job.query + t * job.query_stride + head * job.width;
    std::vector<double> out(static_cast<size_t>(job.width));
    double total = 0;
    for (int64_t s = first_key(job, last); s <= last; ++s) {
      const int64_t at = (key_head * job.capacity + s) * job.width;
      double score = 0;
      for (int64_t k = 0; k < job.width; ++k) score += static_cast<double>(query[k]) * job.keys[at + k];
      const double weight = std::exp(score / std::sqrt(static_cast<double>(job.width)));
      total += weight;
      for (int64_t k = 0; k < job.width; ++k) out[static_cast<size_t>(k)] += weight * job.values[at + k];
    }
    for (int64_t k = 0; k < job.width; ++k) {
      job.out[i * job.width + k] = static_cast<float>(out[static_cast<size_t>(k)] / total);
    }
  }
}

}  // namespace magma
