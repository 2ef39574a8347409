#include "magma/nn/kv_cache.h"

#include <algorithm>

#include "magma/core/check.h"

namespace magma {
namespace {

constexpr int64_t kFirstCapacity = 64;

}  // namespace

int64_t KvCache::bytes() const {
  return 2 * static_cast<int64_t>(layers_.size()) * key_heads_ * capacity_ * width_ *
         static_cast<int64_t>(sizeof(float));
}

void KvCache::reserve(int64_t more) {
  if (length_ + more <= capacity_) return;
  const int64_t doubled = std::min(std::max(kFirstCapacity, 2 * capacity_), longest_);
  const int64_t grown = std::max(doubled, length_ + more);
  const auto moved = [&](const Tensor& from) {
    Tensor to = Tensor::uninitialised({key_heads_, grown, width_});
    for (int64_t g = 0; g < key_heads_ && length_ > 0; ++g) {
      std::copy_n(from.floats() + g * capacity_ * width_, length_ * width_, to.mutable_floats() + g * grown * width_);
    }
    return to;
  };
  for (Layer& layer : layers_) {
    layer.keys = moved(layer.keys);
    layer.values = moved(layer.values);
  }
  capacity_ = grown;
}

void KvCache::write(int64_t layer, const float* keys, const float* values, int64_t rows, int64_t stride) {
  MAGMA_CHECK(length_ + rows <= capacity_, "{} places beyond {} of {}", rows, length_, capacity_);
  Layer& into = layers_.at(static_cast<size_t>(layer));
  float* key_to = into.keys.mutable_floats();
  float* value_to = into.values.mutable_floats();
  for (int64_t i = 0; i < rows * key_heads_; ++i) {
    const int64_t r = i / key_heads_, g = i % key_heads_;
    const int64_t to = (g * capacity_ + length_ + r) * width_, from = r * stride + g * width_;
    std::copy_n(keys + from, width_, key_to + to);
    std::copy_n(values + from, width_, value_to + to);
  }
}

const float* KvCache::keys(int64_t layer) const { return layers_.at(static_cast<size_t>(layer)).keys.floats(); }
const float* KvCache::values(int64_t layer) const { return layers_.at(static_cast<size_t>(layer)).values.floats(); }

}  // namespace magma
