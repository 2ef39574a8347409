#include "magma/data/permutation.h"

#include <bit>

#include "magma/core/check.h"
#include "magma/core/random.h"

namespace magma {

Permutation::Permutation(int64_t size, uint64_t seed) : size_(size) {
  MAGMA_CHECK(size >= 1, "a permutation of {}", size);
  half_bits_ = (static_cast<uint32_t>(std::bit_width(static_cast<uint64_t>(size - 1))) + 1) / 2;
  Rng rng(seed);
  for (uint64_t& key : keys_) key = rng.next();
}

// A Feistel network permutes the square; places that fall outside `size` walk on until they are inside.
int64_t Permutation::at(int64_t place) const {
  MAGMA_CHECK(place >= 0 && place < size_, "place {} of {}", place, size_);
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  auto value = static_cast<uint64_t>(place);
  do {
    uint64_t left = value >> half_bits_, right = value & mask;
    for (const uint64_t key : keys_) {
      const uint64_t mixed = left ^ (Rng(key + right * 0x9E3779B97F4A7C15ULL).next() & mask);
      left = right;
      right = mixed;
    }
    value = left << half_bits_ | right;
  } while (value >= static_cast<uint64_t>(size_));
  return static_cast<int64_t>(value);
}

}  // namespace magma
