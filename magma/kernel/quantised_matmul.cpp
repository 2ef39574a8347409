#include "magma/kernel/quantised_matmul.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <vector>

#include "magma/core/check.h"
#include "magma/kernel/matmul.h"
#include "magma/kernel/quantised_kernels.h"

namespace magma {
namespace {

constexpr int64_t kPanel = kQuantisedPanel;
constexpr int64_t kUnpackedDepth = 256;  // 16 KB of codes: they stay in the first-level cache
constexpr int64_t kRowBlock = 516;       // rows of one task; a multiple of kTileRows
constexpr int64_t kSmallestGroup = 16;
constexpr int64_t kBytesOfTask = 1 << 19;  // of weights, where there are enough of them
constexpr int64_t kTasksOfThread = 4;      // at least: neighbours may take a thread's time

QuantisedInstructions find_instructions() {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool vnni =
      __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (avx2 && vnni) return QuantisedInstructions::Avx512Vnni;
  if (avx2) return QuantisedInstructions::Avx2;
#endif
  return QuantisedInstructions::Plain;
}

std::atomic<const QuantisedKernels*> chosen = nullptr;

const QuantisedKernels& kernels_of(QuantisedInstructions instructions) {
#if defined(__x86_64__)
  if (instructions == QuantisedInstructions::Avx512Vnni) return kAvx512Quantised;
  if (instructions == QuantisedInstructions::Avx2) return kAvx2Quantised;
#endif
  return kPlainQuantised;
}

// Room of one thread for a part of a panel.
struct Unpacked {
  alignas(64) std::array<uint8_t, static_cast<size_t>(kUnpackedDepth* kPanel)> codes;
  alignas(64) std::array<float, static_cast<size_t>(kUnpackedDepth / kSmallestGroup * kPanel)> scales, offsets;

  UnpackedGroups groups(QuantisedKind kind) {
    return {codes.data(), scales.data(), has_offsets(kind) ? offsets.data() : nullptr};
  }
};

Unpacked& unpacked_room() {
  thread_local Unpacked room;
  return room;
}

struct RowRange {
  int64_t begin, end;
};

// sums [rows, 64] += one panel's products.
void add_panel(const QuantisedMatrix& weight, int64_t panel, const QuantisedRows& x, RowRange rows, float* sums) {
  const QuantisedKernels& kernel = quantised_kernels();
  PanelPart part{&weight, panel, 0, weight.groups()};
  if (kernel.packed != nullptr && rows.end - rows.begin <= kTileRows) {
    return kernel.packed({&x, rows.begin, part, sums}, rows.end - rows.begin);
  }
  Unpacked& room = unpacked_room();
  const UnpackedGroups groups = room.groups(weight.format.kind);
  const int64_t step = kUnpackedDepth / weight.format.group;
  for (int64_t g = 0; g < weight.groups(); g += step) {
    part.first_group = g;
    part.last_group = std::min(weight.groups(), g + step);
    unpack_groups(part, kernel.widen, groups);
    for (int64_t m = rows.begin; m < rows.end; m += kTileRows) {
      kernel.unpacked({&x, m, part, sums + (m - rows.begin) * kPanel}, std::min(kTileRows, rows.end - m), groups);
    }
  }
}

void write_outputs(const QuantisedProduct& product, int64_t m, int64_t panel, const float* sums) {
  const int64_t first = panel * kPanel, outputs = std::min(kPanel, product.weight.N - first);
  float* y = product.y + m * product.weight.N + first;
  for (int64_t o = 0; o < outputs; ++o) {
    y[o] = product.bias == nullptr ? sums[o] : sums[o] + product.bias[first + o];
  }
}

std::vector<float>& sums_room(int64_t rows) {
  thread_local std::vector<float> room;
  room.assign(static_cast<size_t>(rows * kPanel), 0.0F);
  return room;
}

// `panel` counts through all products.
void one_panel(std::span<const QuantisedProduct> products, int64_t panel, const QuantisedRows& x, RowRange rows) {
  const QuantisedProduct* product = products.data();
  while (panel >= product->weight.panel_count()) panel -= (product++)->weight.panel_count();
  std::vector<float>& sums = sums_room(rows.end - rows.begin);
  add_panel(product->weight, panel, x, rows, sums.data());
  for (int64_t m = rows.begin; m < rows.end; ++m) {
    write_outputs(*product, m, panel, sums.data() + (m - rows.begin) * kPanel);
  }
}

void require(const QuantisedMatrix& weight, const QuantisedRows& x) {
  MAGMA_CHECK(weight.format.group == x.group() && weight.groups() == x.groups(),
              "rows in {} groups of {}, weights in {} of {}", x.groups(), x.group(), weight.groups(),
              weight.format.group);
}

}  // namespace

const QuantisedKernels& quantised_kernels() {
  const QuantisedKernels* known = chosen.load(std::memory_order_relaxed);
  return known != nullptr ? *known : kernels_of(best_quantised_instructions());
}

void quantised_matmul(std::span<const QuantisedProduct> products, const QuantisedRows& x, Team& team) {
  int64_t panels = 0;
  for (const QuantisedProduct& product : products) {
    require(product.weight, x);
    panels += product.weight.panel_count();
  }
  // Panels are the outer order: a thread's rows of the next task find them in its cache. Small panels go together,
  // since the start of each part of a stream waits for the memory.
  const int64_t row_blocks = (x.rows() + kRowBlock - 1) / kRowBlock;
  const int64_t most = std::max<int64_t>(1, panels / (kTasksOfThread * team.threads()));
  const int64_t step =
      row_blocks > 1 ? 1 : std::clamp<int64_t>(kBytesOfTask / products[0].weight.panel_bytes(), 1, most);
  team.run((panels + step - 1) / step * row_blocks, [&](int64_t task) {
    const int64_t begin = task % row_blocks * kRowBlock, end = std::min(x.rows(), begin + kRowBlock);
    const int64_t first = task / row_blocks * step, last = std::min(panels, first + step);
    for (int64_t panel = first; panel < last; ++panel) one_panel(products, panel, x, {begin, end});
  });
}

void quantised_matmul_plain(const QuantisedProduct& product, const QuantisedRows& x) {
  const QuantisedMatrix& weight = product.weight;
  require(weight, x);
  std::vector<float> weights(static_cast<size_t>(weight.K));
  for (int64_t n = 0; n < weight.N; ++n) {
    dequantise_output(weight, n, weights.data());
    for (int64_t m = 0; m < x.rows(); ++m) {
      double sum = product.bias == nullptr ? 0.0 : product.bias[n];
      for (int64_t k = 0; k < weight.K; ++k) {
        sum += static_cast<double>(weights[static_cast<size_t>(k)]) * x.codes(m)[k] * x.scales(m)[k / x.group()];
      }
      product.y[m * weight.N + n] = static_cast<float>(sum);
    }
  }
}

QuantisedInstructions best_quantised_instructions() {
  static const QuantisedInstructions found = find_instructions();
  return found;
}

std::string instructions_name(QuantisedInstructions instructions) {
  if (instructions == QuantisedInstructions::Avx512Vnni) return "avx512_vnni";
  return instructions == QuantisedInstructions::Avx2 ? "avx2" : "plain";
}

void use_quantised_instructions(QuantisedInstructions instructions) { chosen = &kernels_of(instructions); }

}  // namespace magma
