// Rng: counter-based SplitMix64 streams. Same (seed, id, stage) -> same numbers on every machine, in any order of work.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace magma {

uint64_t hash64(std::string_view bytes, uint64_t seed = 0);  // xxh64

class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed) {}
  // The stream of one stage of one clip.
  Rng(uint64_t seed, std::string_view id, std::string_view stage);

  uint64_t next();
  double uniform();  // [0, 1)
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  int64_t integer(int64_t low, int64_t high);  // inclusive, unbiased
  double normal();                             // mean 0, deviation 1

  template <typename T>
  void shuffle(std::vector<T>& values) {  // Fisher-Yates
    for (size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[static_cast<size_t>(integer(0, static_cast<int64_t>(i) - 1))]);
    }
  }

 private:
  uint64_t state_;
};

}  // namespace magma
