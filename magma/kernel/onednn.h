// oneDNN (Apache-2.0): products of many rows in bf16. Loaded when first asked for; where it is not installed, or the
// processor has no instructions for bf16, nothing here is used.
#pragma once

#include <cstdint>
#include <string>

namespace magma {

// "avx512_bf16" or "amx": what oneDNN multiplies bf16 with here; empty: not at all.
const std::string& onednn_bf16_instructions();

// y [M, N] f32 = x [M, K] bf16 * weight: N a multiple of 64, K of 32, panels as in bf16_panels.h. On the calling thread
// alone. M is one of a few block sizes: a kernel is made for each shape and kept.
struct OnednnProduct {
  int64_t M = 0, N = 0, K = 0;
  const uint16_t* x = nullptr;
  const uint16_t* panels = nullptr;
  float* y = nullptr;
};
void onednn_product(const OnednnProduct& job);

}  // namespace magma
