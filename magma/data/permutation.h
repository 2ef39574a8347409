// Permutation: a shuffled 0 .. n - 1 that takes no memory. Any place can be asked for at once.
#pragma once

#include <array>
#include <cstdint>

namespace magma {

class Permutation {
 public:
  Permutation(int64_t size, uint64_t seed);  // size >= 1
  int64_t at(int64_t place) const;           // of 0 .. size - 1

 private:
  int64_t size_;
  uint32_t half_bits_;  // the smallest square of a power of two that is at least `size`
  std::array<uint64_t, 6> keys_{};
};

}  // namespace magma
