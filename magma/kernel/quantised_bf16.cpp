#include "magma/kernel/quantised_bf16.h"

#include <algorithm>
#include <array>

#include "magma/core/simd.h"
#include "magma/kernel/number_format.h"
#include "magma/kernel/onednn.h"
#include "magma/kernel/quantised_kernels.h"

namespace magma {
namespace {

constexpr int64_t kPanel = kQuantisedPanel;
static_assert(kQuantisedPanel == kPanelWidth, "a panel becomes a panel");

}  // namespace

// One group: codes [depth / 4, 64, 4] -> bf16 [depth / 2, 64, 2].
MAGMA_CPU_CLONES static void widen_group(const uint8_t* codes, const float* scales, const float* offsets, int64_t depth,
                                         uint16_t* values) {
  for (int64_t k = 0; k < depth; k += 2) {
    const uint8_t* from = codes + k / 4 * 4 * kPanel + k % 4;
    uint16_t* to = values + k * kPanel;
    for (int64_t o = 0; o < kPanel; ++o) {
      to[2 * o] = to_bf16(scales[o] * static_cast<float>(from[4 * o]) + offsets[o]);
      to[2 * o + 1] = to_bf16(scales[o] * static_cast<float>(from[4 * o + 1]) + offsets[o]);
    }
  }
}

void widen_to_bf16_panels(const QuantisedMatrix& matrix, uint16_t* values, Team& team) {
  const int64_t depth = Bf16Panels{matrix.N, matrix.K}.depth(), group = matrix.format.group;
  const auto zero = static_cast<float>(zero_code(matrix.format.kind));
  team.run(matrix.panel_count(), [&](int64_t panel) {
    std::array<uint8_t, kPanel * 128> codes;
    std::array<float, kPanel> scales, offsets;
    uint16_t* to = values + panel * kPanel * depth;
    for (int64_t g = 0; g < matrix.groups() && g * group < depth; ++g) {
      unpack_groups({&matrix, panel, g, g + 1}, kPlainQuantised.widen, {codes.data(), scales.data(), offsets.data()});
      if (zero != 0) {
        for (size_t o = 0; o < scales.size(); ++o) offsets[o] = -zero * scales[o];
      }
      const int64_t count = std::min(group, depth - g * group);
      widen_group(codes.data(), scales.data(), offsets.data(), count, to + g * group * kPanel);
    }
    const int64_t filled = std::min(depth, matrix.groups() * group);
    std::fill(to + filled * kPanel, to + depth * kPanel, uint16_t{0});
  });
}

bool prefers_bf16_products() { return onednn_bf16_instructions() == "amx"; }

}  // namespace magma
