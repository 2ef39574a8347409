#include "magma/kernel/norm.h"

#include <algorithm>
#include <cmath>

#include "magma/core/simd.h"

namespace magma {
namespace {

constexpr int64_t kRowsOfTask = 16;

template <typename RowNorm>
void for_rows(const Norm& job, Team& team, const RowNorm& row_norm) {
  team.run((job.rows + kRowsOfTask - 1) / kRowsOfTask, [&](int64_t task) {
    const int64_t end = std::min(job.rows, (task + 1) * kRowsOfTask);
    for (int64_t r = task * kRowsOfTask; r < end; ++r) row_norm(job, r);
  });
}

}  // namespace

MAGMA_CPU_CLONES void layer_norm_row(const Norm& job, int64_t row) {
  const float* x = job.x + row * job.width;
  float* y = job.y + row * job.width;
  const int64_t width = job.width, whole = width / 8 * 8;
  Float8 sums = {};
  for (int64_t i = 0; i < whole; i += 8) sums += load<Float8>(x + i);
  float total = sum(sums);
  for (int64_t i = whole; i < width; ++i) total += x[i];
  const float mean = total / static_cast<float>(width);
  Float8 squares = {};
  for (int64_t i = 0; i < whole; i += 8) {
    const Float8 d = load<Float8>(x + i) - mean;
    squares += d * d;
  }
  float square = sum(squares);
  for (int64_t i = whole; i < width; ++i) square += (x[i] - mean) * (x[i] - mean);
  const float scale = 1.0F / std::sqrt(square / static_cast<float>(width) + job.epsilon);
  for (int64_t i = 0; i < whole; i += 8) {
    store(y + i, (load<Float8>(x + i) - mean) * scale * load<Float8>(job.weight + i) + load<Float8>(job.bias + i));
  }
  for (int64_t i = whole; i < width; ++i) y[i] = (x[i] - mean) * scale * job.weight[i] + job.bias[i];
}

MAGMA_CPU_CLONES void rms_norm_row(const Norm& job, int64_t row) {
  const float* x = job.x + row * job.width;
  float* y = job.y + row * job.width;
  const int64_t width = job.width, whole = width / 8 * 8;
  Float8 squares = {};
  for (int64_t i = 0; i < whole; i += 8) squares += load<Float8>(x + i) * load<Float8>(x + i);
  float square = sum(squares);
  for (int64_t i = whole; i < width; ++i) square += x[i] * x[i];
  const float scale = 1.0F / std::sqrt(square / static_cast<float>(width) + job.epsilon);
  for (int64_t i = 0; i < whole; i += 8) store(y + i, load<Float8>(x + i) * scale * load<Float8>(job.weight + i));
  for (int64_t i = whole; i < width; ++i) y[i] = x[i] * scale * job.weight[i];
}

void layer_norm(const Norm& job, Team& team) { for_rows(job, team, layer_norm_row); }
void rms_norm(const Norm& job, Team& team) { for_rows(job, team, rms_norm_row); }

void layer_norm_plain(const Norm& job) {
  for (int64_t r = 0; r < job.rows; ++r) {
    const float* x = job.x + r * job.width;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < job.width; ++i) mean += x[i];
    mean /= static_cast<double>(job.width);
    for (int64_t i = 0; i < job.width; ++i) variance += (x[i] - mean) * (x[i] - mean);
    const double scale = 1 / std::sqrt(variance / static_cast<double>(job.width) + job.epsilon);
    for (int64_t i = 0; i < job.width; ++i) {
      job.y[r * job.width + i] = static_cast<float>((x[i] - mean) * scale * job.weight[i] + job.bias[i]);
    }
  }
}

void rms_norm_plain(const Norm& job) {
  for (int64_t r = 0; r < job.rows; ++r) {
    const float* x = job.x + r * job.width;
    double square = 0;
    for (int64_t i = 0; i < job.width; ++i) square += static_cast<double>(x[i]) * x[i];
    const double scale = 1 / std::sqrt(square / static_cast<double>(job.width) + job.epsilon);
    for (int64_t i = 0; i < job.width; ++i) job.y[r * job.width + i] = static_cast<float>(x[i] * scale * job.weight[i]);
  }
}

}  // namespace magma
