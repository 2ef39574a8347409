// The inner loops of matmul() for one instruction set. A task is a part of the outputs that one thread computes.
#pragma once

#include <cstdint>

#include "magma/kernel/matmul.h"

namespace magma {

struct OutputRange {
  int64_t m_begin, m_end, n_begin, n_end;
};

constexpr int64_t kPanelOutputs = 16;                // outputs a tile computes side by side
constexpr int64_t kPanelDepth = 256;                 // weights of one output that are unpacked at a time
constexpr int64_t kPanels = 4;                       // unpacked together: 64 KB, half of a second-level cache at most
constexpr int64_t kChunk = kPanelOutputs * kPanels;  // outputs of one task

struct MatmulKernels {
  void (*few_rows)(const Matmul& job, OutputRange part);
  // `panels`: room for kChunk * kPanelDepth floats.
  void (*many_rows)(const Matmul& job, OutputRange part, float* panels);
  // `rounds` of multiply-adds in as many registers as a tile has; returns how many operations that were.
  double (*multiply_adds)(int64_t rounds);
};

extern const MatmulKernels kPlainMatmul;
#if defined(__x86_64__)
extern const MatmulKernels kAvx2Matmul;
#endif

}  // namespace magma
