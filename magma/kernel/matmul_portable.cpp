// For any processor: short vectors of the compiler, in the order of the wider kernels.
#include "magma/core/simd.h"
#include "magma/kernel/matmul_kernels.h"

namespace magma {
namespace {

template <NumberFormat format>
float dot(const float* x, const void* weight, int64_t begin, int64_t K) {
  Float8 total = {};
  int64_t k = 0;
  for (; k + 8 <= K; k += 8) {
    Float8 w;
    for (int lane = 0; lane < 8; ++lane) w[lane] = value_at<format>(weight, begin + k + lane);
    total += load<Float8>(x + k) * w;
  }
  float result = sum(total);
  for (; k < K; ++k) result += x[k] * value_at<format>(weight, begin + k);
  return result;
}

template <NumberFormat format>
void dots(const Matmul& job, OutputRange part) {
  for (int64_t n = part.n_begin; n < part.n_end; ++n) {
    const float start = job.bias == nullptr ? 0.0F : job.bias[n];
    for (int64_t m = part.m_begin; m < part.m_end; ++m) {
      job.y[m * job.N + n] = start + dot<format>(job.x + m * job.K, job.weight, n * job.K, job.K);
    }
  }
}

void few_rows(const Matmul& job, OutputRange part) {
  if (job.format == NumberFormat::F32) return dots<NumberFormat::F32>(job, part);
  if (job.format == NumberFormat::BF16) return dots<NumberFormat::BF16>(job, part);
  dots<NumberFormat::F16>(job, part);
}

void many_rows(const Matmul& job, OutputRange part, float*) { few_rows(job, part); }

double multiply_adds(int64_t rounds) {
  Float8 sums[4] = {};
  for (int64_t i = 0; i < rounds; ++i) {
    for (Float8& value : sums) value = value * 0.5F + 1.0F;
  }
  return sum(sums[0] + sums[1] + sums[2] + sums[3]) > 0 ? 64.0 * static_cast<double>(rounds) : 0.0;
}

}  // namespace

const MatmulKernels kPlainMatmul = {few_rows, many_rows, multiply_adds};

}  // namespace magma
