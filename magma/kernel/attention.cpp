#include "magma/kernel/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "magma/core/simd.h"
#include "magma/kernel/activation.h"

namespace magma {
namespace {

constexpr int64_t kRowsOfTask = 16;  // queries times the heads that read the same keys
constexpr int64_t kKeysAtOnce = 4;
constexpr int64_t kKeysOfTile = 64;  // of the widest heads 32 KB

// Vectors of a tile that began elsewhere would lie across two lines.
constexpr int64_t kFloatsOfLine = 16;
struct alignas(64) CacheLine {
  float values[kFloatsOfLine];
};

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

// One head of one query: it sees keys [from, to).
struct QueryRow {
  const float* query;
  float *scores, *out;
  int64_t from, to;
};

// The keys, or the values, of one head: that of place s is at rows + (s - first) * width.
struct HeadRows {
  const float* rows;
  int64_t first, width;

  MAGMA_INLINE const float* at(int64_t s) const { return rows + (s - first) * width; }
};

// scores = scale * dot() of `rows` queries with four keys from `s` on, the same bits: one sum waits for its last
// addition, several keep busy.
template <int rows>
MAGMA_INLINE void four_scores(const QueryRow* row, const HeadRows& head, int64_t s, float scale) {
  Float8 sums[rows][kKeysAtOnce] = {};
  const float* query[rows];
  MAGMA_UNROLL
  for (int r = 0; r < rows; ++r) query[r] = row[r].query;
  const float* keys = head.at(s);
  const int64_t width = head.width;
  int64_t i = 0;
  for (; i + 8 <= width; i += 8) {
    Float8 key[kKeysAtOnce];
    MAGMA_UNROLL
    for (int64_t k = 0; k < kKeysAtOnce; ++k) key[k] = load<Float8>(keys + k * width + i);
    MAGMA_UNROLL
    for (int r = 0; r < rows; ++r) {
      const Float8 q = load<Float8>(query[r] + i);
      MAGMA_UNROLL
      for (int64_t k = 0; k < kKeysAtOnce; ++k) sums[r][k] += q * key[k];
    }
  }
  MAGMA_UNROLL
  for (int r = 0; r < rows; ++r) {
    Float4 totals = neighbours(neighbours(halves(sums[r][0]), halves(sums[r][1])),
                               neighbours(halves(sums[r][2]), halves(sums[r][3])));
    for (int64_t tail = i; tail < width; ++tail) {
      for (int64_t k = 0; k < kKeysAtOnce; ++k) totals[k] += query[r][tail] * keys[k * width + tail];
    }
    store(row[r].scores + s, totals * scale);
  }
}

// out [width] of `rows` queries += the sum over `count` keys from `s` on of value * score, in the order of the keys.
template <int rows, int64_t count>
MAGMA_INLINE void add_values(const QueryRow* row, const HeadRows& head, int64_t s) {
  const float* values = head.at(s);
  const int64_t width = head.width;
  Float8 weight[rows][count];
  float* out[rows];
  MAGMA_UNROLL
  for (int r = 0; r < rows; ++r) {
    out[r] = row[r].out;
    MAGMA_UNROLL
    for (int64_t k = 0; k < count; ++k) weight[r][k] = Float8{} + row[r].scores[s + k];
  }
  int64_t i = 0;
  for (; i + 8 <= width; i += 8) {
    Float8 value[count];
    MAGMA_UNROLL
    for (int64_t k = 0; k < count; ++k) value[k] = load<Float8>(values + k * width + i);
    MAGMA_UNROLL
    for (int r = 0; r < rows; ++r) {
      Float8 sums = load<Float8>(out[r] + i);
      MAGMA_UNROLL
      for (int64_t k = 0; k < count; ++k) sums += value[k] * weight[r][k];
      store(out[r] + i, sums);
    }
  }
  for (; i < width; ++i) {
    for (int r = 0; r < rows; ++r) {
      for (int64_t k = 0; k < count; ++k) out[r][i] += values[k * width + i] * weight[r][k][0];
    }
  }
}

struct KeySpan {
  int64_t from, to;
};

template <int rows>
MAGMA_INLINE void score_span(const QueryRow* row, const HeadRows& keys, KeySpan span, float scale) {
  int64_t s = span.from;
  for (; s + kKeysAtOnce <= span.to; s += kKeysAtOnce) four_scores<rows>(row, keys, s, scale);
  for (; s < span.to; ++s) {
    for (int r = 0; r < rows; ++r) row[r].scores[s] = dot(row[r].query, keys.at(s), keys.width) * scale;
  }
}

template <int rows>
MAGMA_INLINE void add_span(const QueryRow* row, const HeadRows& values, KeySpan span) {
  int64_t s = span.from;
  for (; s + kKeysAtOnce <= span.to; s += kKeysAtOnce) add_values<rows, kKeysAtOnce>(row, values, s);
  for (; s < span.to; ++s) add_values<rows, 1>(row, values, s);
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

// Queries [begin, end) of all heads that read one key head; `scores` has room for every key of each, `tile` for the
// rows of a tile.
struct QueryBlock {
  int64_t begin, end, key_head;
  float *scores, *tile;
};

void rows_of(const Attention& job, const QueryBlock& block, std::vector<QueryRow>& rows) {
  rows.clear();
  const int64_t group = job.heads / job.key_heads, before = job.length - job.queries;
  for (int64_t t = block.begin; t < block.end; ++t) {
    for (int64_t head = block.key_head * group; head < (block.key_head + 1) * group; ++head) {
      rows.push_back({job.query + t * job.query_stride + head * job.width,
                      block.scores + static_cast<int64_t>(rows.size()) * job.length,
                      job.out + (t * job.heads + head) * job.width, first_key(job, before + t), before + t + 1});
    }
  }
}

// Of the block's head in this tile. f32 stays where it is.
HeadRows head_rows(const Attention& job, const CachedRows& stored, const QueryBlock& block, KeySpan tile) {
  const int64_t head = block.key_head * job.capacity;
  if (stored.format == CacheFormat::F32) {
    return {static_cast<const float*>(stored.values) + head * job.width, 0, job.width};
  }
  widen_rows(stored, head + tile.from, tile.to - tile.from, block.tile);
  return {block.tile, tile.from, job.width};
}

// Keys go by in tiles that stay in the first cache for all rows, which are taken two by two: the second of a pair sees
// as far as the first or further. Each row meets its keys in their order, so its result is the same bits in any block.
MAGMA_CPU_CLONES void score_tile(const std::vector<QueryRow>& rows, const HeadRows& keys, KeySpan tile) {
  const float scale = 1.0F / std::sqrt(static_cast<float>(keys.width));
  const auto inside = [&](int64_t from, int64_t to) {
    return KeySpan{std::max(tile.from, from), std::min(tile.to, to)};
  };
  size_t r = 0;
  for (; r + 2 <= rows.size(); r += 2) {
    const QueryRow* pair = &rows[r];
    score_span<1>(pair, keys, inside(pair[0].from, std::min(pair[1].from, pair[0].to)), scale);
    score_span<2>(pair, keys, inside(pair[1].from, pair[0].to), scale);
    score_span<1>(pair + 1, keys, inside(std::max(pair[0].to, pair[1].from), pair[1].to), scale);
  }
  if (r < rows.size()) score_span<1>(&rows[r], keys, inside(rows[r].from, rows[r].to), scale);
}

MAGMA_CPU_CLONES void add_tile(const std::vector<QueryRow>& rows, const HeadRows& values, KeySpan tile) {
  const auto inside = [&](int64_t from, int64_t to) {
    return KeySpan{std::max(tile.from, from), std::min(tile.to, to)};
  };
  size_t r = 0;
  for (; r + 2 <= rows.size(); r += 2) {
    const QueryRow* pair = &rows[r];
    add_span<1>(pair, values, inside(pair[0].from, std::min(pair[1].from, pair[0].to)));
    add_span<2>(pair, values, inside(pair[1].from, pair[0].to));
    add_span<1>(pair + 1, values, inside(std::max(pair[0].to, pair[1].from), pair[1].to));
  }
  if (r < rows.size()) add_span<1>(&rows[r], values, inside(rows[r].from, rows[r].to));
}

void attend_block(const Attention& job, const QueryBlock& block) {
  thread_local std::vector<QueryRow> rows;
  rows_of(job, block, rows);
  const int64_t end = rows.back().to;
  for (int64_t from = rows.front().from; from < end; from += kKeysOfTile) {
    const KeySpan tile{from, std::min(end, from + kKeysOfTile)};
    score_tile(rows, head_rows(job, job.keys, block, tile), tile);
  }
  for (const QueryRow& row : rows) {
    softmax(row.scores + row.from, row.to - row.from);
    std::fill(row.out, row.out + job.width, 0.0F);
  }
  for (int64_t from = rows.front().from; from < end; from += kKeysOfTile) {
    const KeySpan tile{from, std::min(end, from + kKeysOfTile)};
    add_tile(rows, head_rows(job, job.values, block, tile), tile);
  }
}

void attend(const Attention& job, Team& team) {
  const int64_t group = job.heads / job.key_heads, queries = std::max<int64_t>(1, kRowsOfTask / group);
  const int64_t blocks = (job.queries + queries - 1) / queries;
  team.run(blocks * job.key_heads, [&](int64_t i) {
    thread_local std::vector<float> scores;
    thread_local std::vector<CacheLine> tile;
    const int64_t begin = i / job.key_heads * queries, end = std::min(job.queries, begin + queries);
    scores.reserve(static_cast<size_t>((end - begin) * group * job.capacity));  // it grows when the cache does
    scores.resize(static_cast<size_t>((end - begin) * group * job.length));
    tile.resize(static_cast<size_t>((kKeysOfTile * job.width + kFloatsOfLine - 1) / kFloatsOfLine));
    attend_block(job, {begin, end, i % job.key_heads, scores.data(), tile.data()->values});
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
      const int64_t at = key_head * job.capacity + s;
      double score = 0;
      for (int64_t k = 0; k < job.width; ++k) score += static_cast<double>(query[k]) * widened(job.keys, at, k);
      const double weight = std::exp(score / std::sqrt(static_cast<double>(job.width)));
      total += weight;
      for (int64_t k = 0; k < job.width; ++k) out[static_cast<size_t>(k)] += weight * widened(job.values, at, k);
    }
    for (int64_t k = 0; k < job.width; ++k) {
      job.out[i * job.width + k] = static_cast<float>(out[static_cast<size_t>(k)] / total);
    }
  }
}

}  // namespace magma
