// KvCache: keys (after rotation) and values of one sequence, all layers; room doubles when it is used up,
// up to the longest context.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "magma/kernel/cache_format.h"
#include "magma/nn/tensor.h"

namespace magma {

CacheFormat parse_cache_format(std::string_view name);  // "f32", "bf16", "int8"; Error(Usage)
std::string_view cache_format_name(CacheFormat format);

class KvCache {
 public:
  KvCache() = default;
  KvCache(int64_t layers, int64_t key_heads, int64_t width, int64_t longest, CacheFormat format = CacheFormat::F32)
      : key_heads_(key_heads), width_(width), longest_(longest), format_(format) {
    layers_.resize(static_cast<size_t>(layers));
  }
  int64_t length() const { return length_; }
  int64_t capacity() const { return capacity_; }
  int64_t bytes() const;
  // Room for `more` places after the present ones in every layer.
  void reserve(int64_t more);
  // keys, values [key_heads, width]: of one place in one layer, beyond length() until all layers were written. Places
  // may be written by several threads at once.
  void write(int64_t layer, int64_t place, const float* keys, const float* values);
  void advance(int64_t rows) { length_ += rows; }  // after all layers were written
  void truncate(int64_t length);                   // the first `length` places stay
  CachedRows keys(int64_t layer) const;            // [key_heads, capacity, width]
  CachedRows values(int64_t layer) const;

 private:
  struct Rows {
    Tensor values, scales;  // scales: of Int8 alone
  };
  struct Layer {
    Rows keys, values;
  };
  Rows moved(const Rows& from, int64_t capacity) const;
  CachedRow row(Rows& rows, int64_t at) const;
  CachedRows stored(const Rows& rows) const;

  int64_t key_heads_ = 0, width_ = 0, longest_ = 0;
  int64_t length_ = 0, capacity_ = 0;
  CacheFormat format_ = CacheFormat::F32;
  std::vector<Layer> layers_;
};

}  // namespace magma
