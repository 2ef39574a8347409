// Float4 and Float8: short vectors that the compiler keeps in registers. Arithmetic is per lane and sums have one
// order, so results are the same bits on every machine, whichever clone of a kernel runs.
#pragma once

namespace magma {

// Compiled twice, for AVX2 and for plain x86-64; the loader chooses. Not under sanitizers: the choice is made before
// their run-time is up.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define MAGMA_CPU_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define MAGMA_CPU_CLONES
#endif

// Kernels' parts must be inlined to be compiled for the kernel's instruction set.
#define MAGMA_INLINE [[gnu::always_inline]] inline

// Before a loop over vectors that must live in registers: they do only when the loop is gone.
#if defined(__clang__)
#define MAGMA_UNROLL _Pragma("unroll")
#else
#define MAGMA_UNROLL _Pragma("GCC unroll 16")
#endif

using Float4 = float __attribute__((vector_size(16)));
using Float8 = float __attribute__((vector_size(32)));

template <typename Vector>
MAGMA_INLINE Vector load(const float* from) {
  Vector value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

template <typename Vector>
MAGMA_INLINE void store(float* to, Vector value) {
  __builtin_memcpy(to, &value, sizeof value);
}

MAGMA_INLINE float sum(Float4 value) { return (value[0] + value[1]) + (value[2] + value[3]); }
MAGMA_INLINE float sum(Float8 value) {
  return ((value[0] + value[4]) + (value[1] + value[5])) + ((value[2] + value[6]) + (value[3] + value[7]));
}

}  // namespace magma
