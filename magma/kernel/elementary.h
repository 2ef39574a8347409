// exp and erf on eight floats at once, to about one unit in the last place; the same bits on every machine.
#pragma once

#include <cstdint>

#include "magma/core/simd.h"

namespace magma {

using Int8 = int32_t __attribute__((vector_size(32)));

MAGMA_INLINE Float8 spread(float value) { return Float8{} + value; }
MAGMA_INLINE Float8 smaller(Float8 a, Float8 b) { return a < b ? a : b; }
MAGMA_INLINE Float8 larger(Float8 a, Float8 b) { return a > b ? a : b; }

// Cephes expf: x = n ln 2 + r, a polynomial for exp(r). Below -87 the result is 0, above 88 it is exp(88).
MAGMA_INLINE Float8 exponential(Float8 x) {
  const Float8 inside = larger(smaller(x, spread(88.0F)), spread(-87.0F));
  const Float8 scaled = inside * 1.44269504088896341F;
  const Int8 n = __builtin_convertvector(scaled + (scaled < 0.0F ? spread(-0.5F) : spread(0.5F)), Int8);
  const Float8 whole = __builtin_convertvector(n, Float8);
  const Float8 r = (inside - whole * 0.693359375F) - whole * -2.12194440e-4F;
  Float8 p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * (r * r) + r + 1.0F;
  const Int8 bits = (n + 127) << 23;
  Float8 power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return x < -87.0F ? spread(0.0F) : p * power;
}

// A rational function on [-4, 4] (beyond it, erf is 1 in f32); the coefficients are those of Eigen and XLA.
MAGMA_INLINE Float8 error_function(Float8 value) {
  const Float8 x = larger(smaller(value, spread(4.0F)), spread(-4.0F));
  const Float8 s = x * x;
  Float8 p = s * -2.72614225801306e-10F + 2.77068142495902e-08F;
  p = p * s + -2.10102402082508e-06F;
  p = p * s + -5.69250639462346e-05F;
  p = p * s + -7.34990630326855e-04F;
  p = p * s + -2.95459980854025e-03F;
  p = p * s + -1.60960333262415e-02F;
  Float8 q = s * -1.45660718464996e-05F + -2.13374055278905e-04F;
  q = q * s + -1.68282697438203e-03F;
  q = q * s + -7.37332916720468e-03F;
  q = q * s + -1.42647390514189e-02F;
  return x * p / q;
}

}  // namespace magma
