// Matrix products with weights in bf16 that were packed once. Activations are rounded to bf16, sums are in f32.
// For processors with instructions for bf16 (AVX-512 BF16, AMX); the layout is the one that oneDNN calls BA16a64b2a.
#pragma once

#include <cstdint>

#include "magma/kernel/number_format.h"
#include "magma/kernel/team.h"

namespace magma {

constexpr int64_t kPanelWidth = 64;          // outputs of a panel
constexpr int64_t kPanelDepthMultiple = 32;  // depths are filled up to this, with zeros

// [ceil(N / 64), ceil(K / 32) * 16, 64, 2]: panel, pair of depths, output, depth in the pair.
struct Bf16Panels {
  int64_t N = 0, K = 0;
  const uint16_t* values = nullptr;

  int64_t depth() const { return (K + kPanelDepthMultiple - 1) / kPanelDepthMultiple * kPanelDepthMultiple; }
  int64_t panels() const { return (N + kPanelWidth - 1) / kPanelWidth; }
  int64_t count() const { return panels() * kPanelWidth * depth(); }
};

// From weight [N, K] in bf16; `values` has room for count().
void pack_bf16_panels(const uint16_t* weight, const Bf16Panels& shape, uint16_t* values, Team& team);

// y [M, N] = bf16(x [M, K]) * weight^T + bias [N]. A row of y depends on its row of x alone, on either side of
// kFewRows.
struct PanelMatmul {
  int64_t M = 0;
  Bf16Panels weight;
  const float* x = nullptr;
  const float* bias = nullptr;  // none: zero
  float* y = nullptr;
};
void panel_matmul(const PanelMatmul& job, Team& team);
void panel_matmul_plain(const PanelMatmul& job);  // the oracle: sums in f64

// Whether packing pays here: oneDNN is installed and the processor multiplies bf16 itself.
bool has_bf16_products();

}  // namespace magma
