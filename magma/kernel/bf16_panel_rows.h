// The inner loops of panel_matmul() for few rows.
#pragma once

#include <cstdint>

namespace magma {

struct PanelRows {
  const uint16_t* panel;  // bf16 [depth / 2, 64, 2]
  const uint16_t* x;      // bf16 [rows, depth]
  int64_t depth;
  float* sums;  // [rows, 64]
};

constexpr int64_t kPanelRows = 4;  // at most, in one call

// Each sum is the same bits for any number of rows.
void panel_rows(const PanelRows& job, int64_t rows);
#if defined(__x86_64__)
void panel_rows_avx512(const PanelRows& job, int64_t rows);  // AVX-512 BF16
#endif

}  // namespace magma
