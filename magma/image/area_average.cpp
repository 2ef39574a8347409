#include "magma/image/area_average.h"

#include <algorithm>
#include <vector>

#include "magma/core/check.h"

namespace magma {
namespace {

constexpr int64_t kRowTotal = 1 << 8;      // a sum of weighted rows fits 16 bits
constexpr int64_t kColumnTotal = 1 << 16;  // a sum of weighted columns of those fits 32 bits

// The input pixels under each output pixel: `most` from `first` on, the last ones perhaps of weight 0. The weights of
// one output pixel sum to the total.
struct Cover {
  size_t most = 0;
  std::vector<size_t> first;      // [to]
  std::vector<uint32_t> weights;  // [to, most]
};

Cover cover(int64_t from, int64_t to, int64_t total) {
  Cover result;
  result.most = static_cast<size_t>((from + to - 1) / to + (from % to == 0 ? 0 : 1));
  result.weights.assign(static_cast<size_t>(to) * result.most, 0);
  for (int64_t o = 0; o < to; ++o) {  // in units of 1 / to: input pixel s is [s to, (s + 1) to)
    const int64_t begin = o * from, end = begin + from;
    result.first.push_back(static_cast<size_t>(begin / to));
    uint32_t* weight = result.weights.data() + static_cast<size_t>(o) * result.most;
    int64_t given = 0;
    for (int64_t s = begin / to; s * to < end; ++s) {
      const int64_t covered = std::min((s + 1) * to, end) - begin;
      const int64_t due = (covered * total + from / 2) / from;
      *weight++ = static_cast<uint32_t>(due - given);
      given = due;
    }
  }
  return result;
}

void add_row(const uint8_t* row, size_t count, uint32_t weight, std::vector<uint16_t>& sum) {
  const auto w = static_cast<uint16_t>(weight);
  uint16_t* out = sum.data();
  for (size_t x = 0; x < count; ++x) out[x] = static_cast<uint16_t>(out[x] + row[x] * w);
}

// `kMost` is columns.most where it is worth a loop of its own, else 0.
template <size_t kMost>
void average_columns(const std::vector<uint16_t>& sum, const Cover& columns, uint8_t* out) {
  const size_t most = kMost != 0 ? kMost : columns.most;
  const uint32_t* weight = columns.weights.data();
  for (size_t x = 0; x < columns.first.size(); ++x) {
    const uint16_t* in = sum.data() + columns.first[x];
    uint32_t total = 1U << 23;
    for (size_t k = 0; k < most; ++k) total += in[k] * weight[k];
    weight += most;
    out[x] = static_cast<uint8_t>(total >> 24);
  }
}

auto columns_function(size_t most) {
  if (most == 2) return &average_columns<2>;
  if (most == 3) return &average_columns<3>;
  if (most == 4) return &average_columns<4>;
  return &average_columns<0>;
}

}  // namespace

void average_areas(const uint8_t* pixels, size_t stride, Size from, Size to, uint8_t* out) {
  MAGMA_CHECK(to.w >= 1 && to.h >= 1 && to.w <= from.w && to.h <= from.h, "{}x{} px from {}x{}", to.w, to.h, from.w,
              from.h);
  const Cover rows = cover(from.h, to.h, kRowTotal), columns = cover(from.w, to.w, kColumnTotal);
  const auto average = columns_function(columns.most);
  std::vector<uint16_t> sum(static_cast<size_t>(from.w) + columns.most);  // weights of 0 reach past the row
  for (size_t y = 0; y < rows.first.size(); ++y) {
    std::fill(sum.begin(), sum.end(), uint16_t{0});
    for (size_t k = 0; k < rows.most; ++k) {
      const uint32_t weight = rows.weights[y * rows.most + k];
      if (weight != 0) add_row(pixels + (rows.first[y] + k) * stride, static_cast<size_t>(from.w), weight, sum);
    }
    average(sum, columns, out + y * static_cast<size_t>(to.w));
  }
}

}  // namespace magma
