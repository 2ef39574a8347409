#include "magma/core/random.h"

#include <cmath>

#include <xxhash.h>

#include "magma/core/check.h"

namespace magma {

uint64_t hash64(std::string_view bytes, uint64_t seed) { return XXH64(bytes.data(), bytes.size(), seed); }

Rng::Rng(uint64_t seed, std::string_view id, std::string_view stage) : state_(hash64(stage, hash64(id, seed))) {}

// SplitMix64: the state is a counter, the output a bijective mix of it.
uint64_t Rng::next() {
  state_ += 0x9E3779B97F4A7C15U;
  uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

double Rng::uniform() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

int64_t Rng::integer(int64_t low, int64_t high) {
  MAGMA_CHECK(low <= high, "empty range {} to {}", low, high);
  const uint64_t span = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;  // 0: all 64 bits
  if (span == 0) return static_cast<int64_t>(next());
  const uint64_t uneven = (0 - span) % span;  // 2^64 mod span: so many values would be drawn too often
  uint64_t drawn = next();
  while (drawn < uneven) drawn = next();
  return static_cast<int64_t>(static_cast<uint64_t>(low) + drawn % span);
}

// Ratio of uniforms (Kinderman and Monahan 1977). The logarithm only decides acceptance, so results do not depend on
// the last bit of a machine's mathematical library.
double Rng::normal() {
  const double width = std::sqrt(8.0 / std::exp(1.0));
  while (true) {
    const double u = 1.0 - uniform();  // (0, 1]
    const double x = width * (uniform() - 0.5) / u;
    if (x * x <= -4.0 * std::log(u)) return x;
  }
}

}  // namespace magma
