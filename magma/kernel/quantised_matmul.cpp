#include "magma/kernel/quantised_matmul.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <vector>

#include "magma/core/check.h"
#include "magma/kernel/activation.h"
#include "magma/kernel/matmul.h"
#include "magma/kernel/quantised_kernels.h"

namespace magma {
namespace {

constexpr int64_t kPanel = kQuantisedPanel;
constexpr int64_t kRowBlock = 516;  // rows of one task; a multiple of kTileRows
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

// sums [rows, 64] += the products of a part of a panel.
void add_part(const PanelPart& part, const QuantisedRows& x, RowRange rows, float* sums) {
  const QuantisedKernels& kernel = quantised_kernels();
  const bool many = rows.end - rows.begin > kTileRows;
  const bool unpacks = kernel.unpacked != nullptr && (kernel.packed == nullptr || many);
  const UnpackedGroups groups = unpacked_room().groups(part.matrix->format.kind);
  if (unpacks) unpack_groups(part, kernel.widen, groups);
  for (int64_t m = rows.begin; m < rows.end; m += kTileRows) {
    const QuantisedTile tile{&x, m, part, sums + (m - rows.begin) * kPanel};
    const int64_t count = std::min(kTileRows, rows.end - m);
    if (unpacks) {
      kernel.unpacked(tile, count, groups);
    } else {
      kernel.packed(tile, count);
    }
  }
}

// sums [rows, 64] += one panel's products. Few rows read it as one stream, many in parts that stay in the cache.
void add_panel(const QuantisedMatrix& weight, int64_t panel, const QuantisedRows& x, RowRange rows, float* sums) {
  const bool one_stream = quantised_kernels().packed != nullptr && rows.end - rows.begin <= kTileRows;
  const int64_t step = one_stream ? weight.groups() : kUnpackedDepth / weight.format.group;
  for (int64_t g = 0; g < weight.groups(); g += step) {
    add_part({&weight, panel, g, std::min(weight.groups(), g + step)}, x, rows, sums);
  }
}

void add_bias(const float* bias, int64_t outputs, float* sums) {
  for (int64_t o = 0; o < outputs; ++o) sums[o] += bias[o];
}

// [rows, 64], zero.
float* sums_room(int64_t rows) {
  thread_local std::vector<float> room;
  room.assign(static_cast<size_t>(rows * kPanel), 0.0F);
  return room.data();
}

void one_panel(const QuantisedProduct& product, int64_t panel, const QuantisedRows& x, RowRange rows) {
  const int64_t N = product.weight.N, first = panel * kPanel, outputs = std::min(kPanel, N - first);
  float* sums = sums_room(rows.end - rows.begin);
  add_panel(product.weight, panel, x, rows, sums);
  for (int64_t m = rows.begin; m < rows.end; ++m, sums += kPanel) {
    if (product.bias != nullptr) add_bias(product.bias + first, outputs, sums);
    float* y = product.y + m * N + first;
    if (product.added_times == nullptr) {
      std::copy_n(sums, outputs, y);
    } else {
      for (int64_t o = 0; o < outputs; ++o) y[o] += sums[o] * product.added_times[first + o];
    }
  }
}

void one_gated_panel(const QuantisedGate& job, int64_t panel, const QuantisedRows& x, RowRange rows) {
  const int64_t N = job.gate.N, first = panel * kPanel, outputs = std::min(kPanel, N - first);
  float* gate = sums_room(2 * (rows.end - rows.begin));
  float* up = gate + (rows.end - rows.begin) * kPanel;
  add_panel(job.gate, panel, x, rows, gate);
  add_panel(job.up, panel, x, rows, up);
  for (int64_t m = rows.begin; m < rows.end; ++m, gate += kPanel, up += kPanel) {
    if (job.gate_bias != nullptr) add_bias(job.gate_bias + first, outputs, gate);
    if (job.up_bias != nullptr) add_bias(job.up_bias + first, outputs, up);
    silu_product(gate, up, kPanel);
    std::copy_n(gate, outputs, job.y + m * N + first);
  }
}

// Panels first .. last, whose outputs are whole groups of y's rows.
struct PanelRange {
  int64_t first, last;
};

void rounded_panels(const QuantisedMatrix& weight, const float* bias, const QuantisedRows& x, PanelRange panels,
                    RowRange rows, QuantisedRows& y) {
  constexpr int64_t kMost = 128;  // outputs: the longest group
  const int64_t count = rows.end - rows.begin, first = panels.first * kPanel;
  const int64_t outputs = std::min(weight.N, panels.last * kPanel) - first;
  float* sums = sums_room((panels.last - panels.first) * count);
  for (int64_t p = panels.first; p < panels.last; ++p) {
    add_panel(weight, p, x, rows, sums + (p - panels.first) * count * kPanel);
  }
  for (int64_t r = 0; r < count; ++r) {
    std::array<float, kMost> row;
    for (int64_t p = 0; p < panels.last - panels.first; ++p) {
      std::copy_n(sums + (p * count + r) * kPanel, kPanel, row.data() + p * kPanel);
    }
    if (bias != nullptr) add_bias(bias + first, outputs, row.data());
    gelu(row.data(), outputs);
    y.assign_groups(rows.begin + r, first / y.group(), (first + outputs + y.group() - 1) / y.group(), row.data());
  }
}

// body(panel, rows). Panels are the outer order: a thread's rows of the next task find them in its cache. Small panels
// go together, since the start of each part of a stream waits for the memory.
template <typename Body>
void for_panels(int64_t panels, int64_t panel_bytes, int64_t rows, Team& team, const Body& body) {
  const int64_t row_blocks = (rows + kRowBlock - 1) / kRowBlock;
  const int64_t most = std::max<int64_t>(1, panels / (kTasksOfThread * team.threads()));
  const int64_t step = row_blocks > 1 ? 1 : std::clamp<int64_t>(kBytesOfTask / panel_bytes, 1, most);
  team.run((panels + step - 1) / step * row_blocks, [&](int64_t task) {
    const int64_t begin = task % row_blocks * kRowBlock;
    const int64_t first = task / row_blocks * step, last = std::min(panels, first + step);
    for (int64_t panel = first; panel < last; ++panel) body(panel, RowRange{begin, std::min(rows, begin + kRowBlock)});
  });
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
  for_panels(panels, products[0].weight.panel_bytes(), x.rows(), team, [&](int64_t panel, RowRange rows) {
    const QuantisedProduct* product = products.data();
    while (panel >= product->weight.panel_count()) panel -= (product++)->weight.panel_count();
    one_panel(*product, panel, x, rows);
  });
}

void quantised_gate(const QuantisedGate& job, const QuantisedRows& x, Team& team) {
  require(job.gate, x);
  require(job.up, x);
  MAGMA_CHECK(job.gate.N == job.up.N, "{} and {} outputs of a gate", job.gate.N, job.up.N);
  for_panels(job.gate.panel_count(), job.gate.panel_bytes() + job.up.panel_bytes(), x.rows(), team,
             [&](int64_t panel, RowRange rows) { one_gated_panel(job, panel, x, rows); });
}

void quantised_gelu(const QuantisedMatrix& weight, const float* bias, const QuantisedRows& x, int64_t group,
                    QuantisedRows& y, Team& team) {
  require(weight, x);
  y.reserve(x.rows(), weight.N, group);
  const int64_t together = std::max<int64_t>(1, group / kPanel), panels = weight.panel_count();
  for_panels((panels + together - 1) / together, together * weight.panel_bytes(), x.rows(), team,
             [&](int64_t part, RowRange rows) {
               const PanelRange range{part * together, std::min(panels, (part + 1) * together)};
               rounded_panels(weight, bias, x, range, rows, y);
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
