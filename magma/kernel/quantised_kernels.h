// The inner loops of quantised_matmul() for one instruction set.
#pragma once

#include <cstdint>

#include "magma/kernel/quantised_matrix.h"
#include "magma/kernel/quantised_rows.h"

namespace magma {

constexpr int64_t kTileRows = 6;         // at most, in one call
constexpr int64_t kUnpackedDepth = 256;  // 16 KB of codes: they stay in the first-level cache

// Groups first .. last of a panel.
struct PanelPart {
  const QuantisedMatrix* matrix = nullptr;
  int64_t panel = 0, first_group = 0, last_group = 0;
};

// Some groups of a panel, unpacked: codes u8 [depth / 4, 64, 4], scales and offsets f32 [groups, 64].
struct UnpackedGroups {
  uint8_t* codes = nullptr;
  float* scales = nullptr;
  float* offsets = nullptr;  // of kinds that store them
};

struct QuantisedTile {
  const QuantisedRows* x = nullptr;
  int64_t row = 0;
  PanelPart part;
  float* sums = nullptr;  // [rows, 64]; added to
};

struct CodedGroup {
  float scale;  // NaN: the group holds what is no number; its codes are zero
  int32_t sum;  // of the codes
};

struct QuantisedKernels {
  // An instruction set has one of them, or both: then more than kTileRows rows are worth unpacking for.
  void (*unpacked)(const QuantisedTile& tile, int64_t rows, const UnpackedGroups& groups);
  // From the packed panel itself, whole; where there is no `unpacked`, also from a super block on.
  void (*packed)(const QuantisedTile& tile, int64_t rows);
  void (*widen)(const uint8_t* halves, int64_t count, float* values);  // f16 -> f32
  CodedGroup (*quantise)(const float* x, int64_t count, int8_t* codes);
};
const QuantisedKernels& quantised_kernels();  // those chosen

CodedGroup quantise_group(const float* x, int64_t count, int8_t* codes);  // without instructions of its own

// QuantisedKernels::packed by functions for each number of rows and kind: Functions::of<rows, kind>.
using PackedFunction = void (*)(const QuantisedTile&);
template <typename Functions, QuantisedKind kind>
constexpr PackedFunction kPackedOf[kTileRows] = {Functions::template of<1, kind>, Functions::template of<2, kind>,
                                                 Functions::template of<3, kind>, Functions::template of<4, kind>,
                                                 Functions::template of<5, kind>, Functions::template of<6, kind>};
template <typename Functions>
void packed_of(const QuantisedTile& tile, int64_t rows) {
  switch (tile.part.matrix->format.kind) {
    case QuantisedKind::Int8:
      return kPackedOf<Functions, QuantisedKind::Int8>[rows - 1](tile);
    case QuantisedKind::Int4:
      return kPackedOf<Functions, QuantisedKind::Int4>[rows - 1](tile);
    case QuantisedKind::Int4Offset:
      return kPackedOf<Functions, QuantisedKind::Int4Offset>[rows - 1](tile);
    case QuantisedKind::Q4K:
      return kPackedOf<Functions, QuantisedKind::Q4K>[rows - 1](tile);
    case QuantisedKind::Q6K:
      return kPackedOf<Functions, QuantisedKind::Q6K>[rows - 1](tile);
  }
}

// The part as `to` has room for it. `widen`: of an instruction set.
void unpack_groups(const PanelPart& part, void (*widen)(const uint8_t*, int64_t, float*), const UnpackedGroups& to);

extern const QuantisedKernels kPlainQuantised;
#if defined(__x86_64__)
extern const QuantisedKernels kAvx2Quantised;
extern const QuantisedKernels kAvx512Quantised;
#endif

}  // namespace magma
