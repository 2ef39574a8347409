#include "magma/kernel/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "magma/core/simd.h"
#include "magma/kernel/activation.h"

namespace magma {
namespace {

constexpr int64_t kQueriesOfTask = 16;
constexpr int64_t kKeysAtOnce = 4;
constexpr int64_t kKeysOfTile = 64;  // of the widest heads 32 KB

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

MAGMA_INLINE Float4 halves(Float8 v) {
  return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
}

MAGMA_INLINE Float4 neighbours(Float4 a, Float4 b) {
  return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
}

// dot() of one query with four keys at once, the same bits: one sum waits for its last addition, four keep busy.
MAGMA_INLINE Float4 four_dots(const float* query, const float* keys, int64_t width) {
  Float8 sums[kKeysAtOnce] = {};
  int64_t i = 0;
  for (; i + 8 <= width; i += 8) {
    const Float8 q = load<Float8>(query + i);
    MAGMA_UNROLL
    for (int64_t s = 0; s < kKeysAtOnce; ++s) sums[s] += q * load<Float8>(keys + s * width + i);
  }
  Float4 totals =
      neighbours(neighbours(halves(sums[0]), halves(sums[1])), neighbours(halves(sums[2]), halves(sums[3])));
  for (; i < width; ++i) {
    for (int64_t s = 0; s < kKeysAtOnce; ++s) totals[s] += query[i] * keys[s * width + i];
  }
  return totals;
}

// to [width] += the sum over `keys` of values[s] * scales[s], in the order of the keys.
template <int64_t keys>
MAGMA_INLINE void add_scaled(const float* values, const float* scales, int64_t width, float* to) {
  int64_t i = 0;
  for (; i + 8 <= width; i += 8) {
    Float8 sums = load<Float8>(to + i);
    MAGMA_UNROLL
    for (int64_t s = 0; s < keys; ++s) sums += load<Float8>(values + s * width + i) * scales[s];
    store(to + i, sums);
  }
  for (; i < width; ++i) {
    for (int64_t s = 0; s < keys; ++s) to[i] += values[s * width + i] * scales[s];
  }
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

// Queries [begin, end) of one head; `scores` has room for every key of each.
struct QueryBlock {
  int64_t begin, end, head;
  float* scores;
};

// Keys go by in tiles that stay in the first cache for all queries of the block. Each query meets its keys in their
// order, so its result is the same bits in any block.
MAGMA_CPU_CLONES void attend_block(const Attention& job, const QueryBlock& block) {
  const int64_t width = job.width, before = job.length - job.queries;
  const int64_t key_head = block.head / (job.heads / job.key_heads);
  const float* keys = job.keys + key_head * job.capacity * width;
  const float* values = job.values + key_head * job.capacity * width;
  const float scale = 1.0F / std::sqrt(static_cast<float>(width));
  const int64_t first = first_key(job, before + block.begin), end = before + block.end;
  const auto scores_of = [&](int64_t t) { return block.scores + (t - block.begin) * job.length; };
  const auto out_of = [&](int64_t t) { return job.out + (t * job.heads + block.head) * width; };
  for (int64_t tile = first; tile < end; tile += kKeysOfTile) {
    for (int64_t t = block.begin; t < block.end; ++t) {
      const float* query = job.query + t * job.query_stride + block.head * width;
      const int64_t to = std::min(tile + kKeysOfTile, before + t + 1);
      int64_t s = std::max(tile, first_key(job, before + t));
      for (; s + kKeysAtOnce <= to; s += kKeysAtOnce) {
        store(scores_of(t) + s, four_dots(query, keys + s * width, width) * scale);
      }
      for (; s < to; ++s) scores_of(t)[s] = dot(query, keys + s * width, width) * scale;
    }
  }
  for (int64_t t = block.begin; t < block.end; ++t) {
    const int64_t from = first_key(job, before + t);
    softmax(scores_of(t) + from, before + t + 1 - from);
    std::fill(out_of(t), out_of(t) + width, 0.0F);
  }
  for (int64_t tile = first; tile < end; tile += kKeysOfTile) {
    for (int64_t t = block.begin; t < block.end; ++t) {
      const int64_t to = std::min(tile + kKeysOfTile, before + t + 1);
      int64_t s = std::max(tile, first_key(job, before + t));
      for (; s + kKeysAtOnce <= to; s += kKeysAtOnce) {
        add_scaled<kKeysAtOnce>(values + s * width, scores_of(t) + s, width, out_of(t));
      }
      for (; s < to; ++s) add_scaled<1>(values + s * width, scores_of(t) + s, width, out_of(t));
    }
  }
}

void attend(const Attention& job, Team& team) {
  const int64_t blocks = (job.queries + kQueriesOfTask - 1) / kQueriesOfTask;
  team.run(blocks * job.heads, [&](int64_t i) {
    thread_local std::vector<float> scores;
    const int64_t begin = i / job.heads * kQueriesOfTask, end = std::min(job.queries, begin + kQueriesOfTask);
    scores.resize(static_cast<size_t>((end - begin) * job.length));
    attend_block(job, {begin, end, i % job.heads, scores.data()});
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
