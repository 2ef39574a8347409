#include "magma/kernel/depthwise.h"

#include <algorithm>

#include "magma/core/simd.h"

namespace magma {
namespace {

constexpr int64_t kReach = kDepthwiseSide / 2;
constexpr int kColumns = 4;  // outputs side by side that share what is loaded

struct Line {
  const Depthwise& job;
  int64_t picture, y;
  const float* pixel(int64_t from_y, int64_t x) const {
    return job.x + ((picture * job.H + from_y) * job.W + x) * job.C;
  }
  float* out(int64_t x) const { return job.y + ((picture * job.H + y) * job.W + x) * job.C; }
};

// Eight channels of `columns` outputs from x on. Inner: no tap lies left or right of the picture.
template <int columns, bool inner>
MAGMA_INLINE void eight_channels(const Line& line, int64_t x, int64_t c) {
  const Depthwise& job = line.job;
  Float8 sums[columns];
  for (Float8& value : sums) value = load<Float8>(job.bias + c);
  for (int64_t dy = -kReach; dy <= kReach; ++dy) {
    if (line.y + dy < 0 || line.y + dy >= job.H) continue;
    const float* weight = job.weight + (dy + kReach) * kDepthwiseSide * job.C + c;
    const float* row = line.pixel(line.y + dy, 0) + c;
    for (int64_t i = 0; i < kDepthwiseSide; ++i) {
      const Float8 w = load<Float8>(weight + i * job.C);
      for (int o = 0; o < columns; ++o) {
        const int64_t at = x + o + i - kReach;
        if (inner || (at >= 0 && at < job.W)) sums[o] += load<Float8>(row + at * job.C) * w;
      }
    }
  }
  for (int o = 0; o < columns; ++o) store(line.out(x + o) + c, sums[o]);
}

void one_channel(const Line& line, int64_t x, int64_t c) {
  const Depthwise& job = line.job;
  float sum = job.bias[c];
  for (int64_t dy = std::max(-kReach, -line.y); dy <= std::min(kReach, job.H - 1 - line.y); ++dy) {
    for (int64_t dx = std::max(-kReach, -x); dx <= std::min(kReach, job.W - 1 - x); ++dx) {
      const float w = job.weight[((dy + kReach) * kDepthwiseSide + dx + kReach) * job.C + c];
      sum += line.pixel(line.y + dy, x + dx)[c] * w;
    }
  }
  line.out(x)[c] = sum;
}

}  // namespace

MAGMA_CPU_CLONES void depthwise_line(const Depthwise& job, int64_t picture, int64_t y) {
  const Line line = {job, picture, y};
  const int64_t whole = job.C / 8 * 8;
  int64_t x = 0;
  while (x < job.W) {
    const bool inner = x >= kReach && x + kColumns + kReach <= job.W;
    for (int64_t c = 0; c < whole; c += 8) {
      if (inner) {
        eight_channels<kColumns, true>(line, x, c);
      } else {
        eight_channels<1, false>(line, x, c);
      }
    }
    x += inner ? kColumns : 1;
  }
  for (int64_t at = 0; whole < job.C && at < job.W; ++at) {
    for (int64_t c = whole; c < job.C; ++c) one_channel(line, at, c);
  }
}

void depthwise(const Depthwise& job, Team& team) {
  team.run(job.pictures * job.H, [&](int64_t i) { depthwise_line(job, i / job.H, i % job.H); });
}

void depthwise_plain(const Depthwise& job) {
  for (int64_t i = 0; i < job.pictures * job.H * job.W * job.C; ++i) {
    const int64_t c = i % job.C, x = i / job.C % job.W, y = i / job.C / job.W % job.H, n = i / job.C / job.W / job.H;
    double sum = job.bias[c];
    for (int64_t tap = 0; tap < kDepthwiseSide * kDepthwiseSide; ++tap) {
      const int64_t fy = y + tap / kDepthwiseSide - kReach, fx = x + tap % kDepthwiseSide - kReach;
      if (fy < 0 || fy >= job.H || fx < 0 || fx >= job.W) continue;
      sum += static_cast<double>(job.x[((n * job.H + fy) * job.W + fx) * job.C + c]) * job.weight[tap * job.C + c];
    }
    job.y[i] = static_cast<float>(sum);
  }
}

}  // namespace magma
