#include "magma/image/area_average.h"

#include <algorithm>
#include <vector>

#include "magma/core/check.h"

namespace magma {
namespace {

constexpr int64_t kRowTotal = 1 << 8;      // a sum of weighted rows fits 16 bits
constexpr int64_t kColumnTotal = 1 << 16;  // a sum of weighted columns of those fits 32 bits

// The input pixels under each output pixel; the weights of one output pixel sum to the total.
struct Cover {
  std::vector<int> first;     // [to]
  std::vector<size_t> begin;  // [to + 1], into weights
  std::vector<uint32_t> weights;
};

Cover cover(int64_t from, int64_t to, int64_t total) {
  Cover result;
  result.begin.push_back(0);
  for (int64_t o = 0; o < to; ++o) {  // in units of 1 / to: input pixel s is [s to, (s + 1) to)
    const int64_t begin = o * from, end = begin + from;
    result.first.push_back(static_cast<int>(begin / to));
    int64_t given = 0;
    for (int64_t s = begin / to; s * to < end; ++s) {
      const int64_t covered = std::min((s + 1) * to, end) - begin;
      const int64_t due = (covered * total + from / 2) / from;
      result.weights.push_back(static_cast<uint32_t>(due - given));
      given = due;
    }
    result.begin.push_back(result.weights.size());
  }
  return result;
}

void add_row(const uint8_t* row, uint32_t weight, std::vector<uint16_t>& sum) {
  const auto w = static_cast<uint16_t>(weight);
  for (size_t x = 0; x < sum.size(); ++x) sum[x] = static_cast<uint16_t>(sum[x] + row[x] * w);
}

void average_columns(const std::vector<uint16_t>& sum, const Cover& columns, uint8_t* out) {
  for (size_t x = 0; x < columns.first.size(); ++x) {
    const uint16_t* in = sum.data() + columns.first[x];
    uint32_t total = 1U << 23;
    for (size_t k = columns.begin[x]; k < columns.begin[x + 1]; ++k) total += *in++ * columns.weights[k];
    out[x] = static_cast<uint8_t>(total >> 24);
  }
}

}  // namespace

void average_areas(const uint8_t* pixels, size_t stride, Size from, Size to, uint8_t* out) {
  MAGMA_CHECK(to.w >= 1 && to.h >= 1 && to.w <= from.w && to.h <= from.h, "{}x{} px from {}x{}", to.w, to.h, from.w,
              from.h);
  const Cover rows = cover(from.h, to.h, kRowTotal), columns = cover(from.w, to.w, kColumnTotal);
  std::vector<uint16_t> sum(static_cast<size_t>(from.w));
  for (size_t y = 0; y < rows.first.size(); ++y) {
    std::fill(sum.begin(), sum.end(), uint16_t{0});
    const uint8_t* row = pixels + static_cast<size_t>(rows.first[y]) * stride;
    for (size_t k = rows.begin[y]; k < rows.begin[y + 1]; ++k, row += stride) add_row(row, rows.weights[k], sum);
    average_columns(sum, columns, out + y * static_cast<size_t>(to.w));
  }
}

}  // namespace magma
