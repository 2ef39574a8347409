// Rotary positions and causal attention with grouped queries, over the keys and values of one sequence.
#pragma once

#include <cstdint>

#include "magma/kernel/cache_format.h"
#include "magma/kernel/team.h"

namespace magma {

// Half rotation of one token's heads in place: element i of a head turns with element i + width / 2.
struct Rotation {
  int64_t heads = 0, width = 0;    // width: of the part that turns
  const float* cosines = nullptr;  // [width / 2]
  const float* sines = nullptr;
  float* values = nullptr;  // head g at values + g * stride
  int64_t stride = 0;
};
void rotate(const Rotation& job);

// Query t of `queries` (the last places of the sequence) sees keys 0 .. length - queries + t, of those the last
// `window` (0: all). Query head h reads key head h / (heads / key_heads). Keys and values that are not f32 are widened
// tile by tile, then all is as it is with f32.
struct Attention {
  int64_t queries = 0, length = 0;
  int64_t heads = 0, key_heads = 0, width = 0;
  int64_t window = 0;
  const float* query = nullptr;  // [queries, heads, width], rows `query_stride` apart
  int64_t query_stride = 0;
  CachedRows keys, values;  // [key_heads, capacity, width]
  int64_t capacity = 0;
  float* out = nullptr;  // [queries, heads, width]
};
void attend(const Attention& job, Team& team);
void attend_plain(const Attention& job);  // the oracle: f64

}  // namespace magma
