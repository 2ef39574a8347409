#include "magma/core/limits.h"

#include <fmt/core.h>

#include "magma/core/error.h"

namespace magma {

const Limits& limits() {
  static const Limits all;
  return all;
}

int64_t bounded(int64_t value, int64_t min, int64_t max, std::string_view field) {
  if (value >= min && value <= max) return value;
  throw Error(ErrorCode::Refused, {.where = std::string(field),
                                   .what = "number out of range",
                                   .expected = fmt::format("{} to {}", min, max),
                                   .got = std::to_string(value)});
}

int64_t checked_add(int64_t a, int64_t b, std::string_view field) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  throw Error(ErrorCode::Refused,
              {.where = std::string(field), .what = "sum does not fit 64 bits", .got = fmt::format("{} + {}", a, b)});
}

int64_t checked_multiply(int64_t a, int64_t b, std::string_view field) {
  int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  throw Error(
      ErrorCode::Refused,
      {.where = std::string(field), .what = "product does not fit 64 bits", .got = fmt::format("{} * {}", a, b)});
}

}  // namespace magma
