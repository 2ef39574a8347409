#include "magma/kernel/bf16_panel_rows.h"

#include "magma/core/simd.h"
#include "magma/kernel/bf16_panels.h"
#include "magma/kernel/number_format.h"

namespace magma {
namespace {

constexpr int64_t kPairs = 2;  // depths side by side

using Word8 = uint32_t __attribute__((vector_size(32)));

MAGMA_INLINE Word8 load_words(const uint16_t* from) {
  Word8 value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

MAGMA_INLINE Float8 as_floats(Word8 words) {
  Float8 value;
  __builtin_memcpy(&value, &words, sizeof value);
  return value;
}

// Eight outputs of `rows` rows: each sum runs along the depth alone.
template <int rows>
MAGMA_INLINE void add_eight(const PanelRows& job, int64_t output) {
  Float8 sums[rows] = {};
  for (int64_t k = 0; k < job.depth; k += kPairs) {
    const Word8 words = load_words(job.panel + k * kPanelWidth + output * kPairs);
    const Float8 even = as_floats(words << 16), odd = as_floats(words & 0xFFFF0000U);
    for (int r = 0; r < rows; ++r) {
      sums[r] += even * from_bf16(job.x[r * job.depth + k]);
      sums[r] += odd * from_bf16(job.x[r * job.depth + k + 1]);
    }
  }
  for (int r = 0; r < rows; ++r) store(job.sums + r * kPanelWidth + output, sums[r]);
}

}  // namespace

MAGMA_CPU_CLONES void panel_rows(const PanelRows& job, int64_t rows) {
  for (int64_t output = 0; output < kPanelWidth; output += 8) {
    if (rows == 1) add_eight<1>(job, output);
    if (rows == 2) add_eight<2>(job, output);
    if (rows == 3) add_eight<3>(job, output);
    if (rows == 4) add_eight<4>(job, output);
  }
}

}  // namespace magma
