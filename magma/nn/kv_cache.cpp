#include "magma/nn/kv_cache.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "magma/core/check.h"
#include "magma/core/error.h"

namespace magma {
namespace {

constexpr int64_t kFirstCapacity = 64;
constexpr std::array<std::string_view, 3> kNames = {"f32", "bf16", "int8"};
constexpr std::array<DType, 3> kTypes = {DType::F32, DType::BF16, DType::I8};

// [heads, capacity, ...] with another capacity; the first `length` places of each head are kept.
Tensor with_capacity(const Tensor& from, Shape shape, DType dtype, int64_t length) {
  Tensor to = Tensor::uninitialised(std::move(shape), dtype);
  if (length == 0) return to;
  const int64_t heads = to.dim(0), before = from.bytes() / heads, after = to.bytes() / heads;
  const int64_t kept = before / from.dim(1) * length;
  for (int64_t g = 0; g < heads; ++g) {
    std::memcpy(static_cast<char*>(to.mutable_data()) + g * after, static_cast<const char*>(from.data()) + g * before,
                static_cast<size_t>(kept));
  }
  return to;
}

}  // namespace

CacheFormat parse_cache_format(std::string_view name) {
  const auto* found = std::find(kNames.begin(), kNames.end(), name);
  if (found != kNames.end()) return static_cast<CacheFormat>(found - kNames.begin());
  throw Error(ErrorCode::Usage, {.where = "--cache",
                                 .what = "unknown format of keys and values",
                                 .expected = "f32, bf16 or int8",
                                 .got = std::string(name)});
}

std::string_view cache_format_name(CacheFormat format) { return kNames.at(static_cast<size_t>(format)); }

int64_t KvCache::bytes() const {
  return 2 * static_cast<int64_t>(layers_.size()) * key_heads_ * capacity_ * cache_row_bytes(format_, width_);
}

KvCache::Rows KvCache::moved(const Rows& from, int64_t capacity) const {
  Rows to;
  to.values =
      with_capacity(from.values, {key_heads_, capacity, width_}, kTypes.at(static_cast<size_t>(format_)), length_);
  if (format_ == CacheFormat::Int8) {
    to.scales = with_capacity(from.scales, {key_heads_, capacity}, DType::F32, length_);
  }
  return to;
}

void KvCache::reserve(int64_t more) {
  if (length_ + more <= capacity_) return;
  const int64_t doubled = std::min(std::max(kFirstCapacity, 2 * capacity_), longest_);
  const int64_t grown = std::max(doubled, length_ + more);
  for (Layer& layer : layers_) {
    layer.keys = moved(layer.keys, grown);
    layer.values = moved(layer.values, grown);
  }
  capacity_ = grown;
}

CachedRow KvCache::row(Rows& rows, int64_t at) const {
  auto* bytes = static_cast<char*>(rows.values.mutable_data());
  return {format_, width_, bytes + at * width_ * cache_value_bytes(format_),
          format_ == CacheFormat::Int8 ? rows.scales.mutable_floats() + at : nullptr};
}

void KvCache::write(int64_t layer, int64_t place, const float* keys, const float* values) {
  MAGMA_CHECK(place < capacity_, "place {} of {}", place, capacity_);
  Layer& into = layers_.at(static_cast<size_t>(layer));
  for (int64_t g = 0; g < key_heads_; ++g) {
    const int64_t to = g * capacity_ + place;
    store_row(keys + g * width_, row(into.keys, to));
    store_row(values + g * width_, row(into.values, to));
  }
}

void KvCache::truncate(int64_t length) {
  MAGMA_CHECK(length >= 0 && length <= length_, "the first {} of {} places", length, length_);
  length_ = length;
}

CachedRows KvCache::stored(const Rows& rows) const {
  return {format_, width_, rows.values.data(), format_ == CacheFormat::Int8 ? rows.scales.floats() : nullptr};
}

CachedRows KvCache::keys(int64_t layer) const { return stored(layers_.at(static_cast<size_t>(layer)).keys); }
CachedRows KvCache::values(int64_t layer) const { return stored(layers_.at(static_cast<size_t>(layer)).values); }

}  // namespace magma
