#include "magma/data/step_columns.h"

#include <bit>
#include <cmath>
#include <cstring>

#include <fmt/ranges.h>

namespace magma {
namespace {

float half(uint16_t bits) {
  const int exponent = bits >> 10U & 0x1F, mantissa = bits & 0x3FF;
  float value = std::ldexp(static_cast<float>(exponent == 0 ? mantissa : mantissa + 0x400), std::max(exponent, 1) - 25);
  if (exponent == 0x1F) value = mantissa == 0 ? HUGE_VALF : std::nanf("");
  return (bits & 0x8000U) != 0 ? -value : value;
}

template <typename T, typename Convert>
std::vector<float> converted(const StoredValue& value, const Convert& convert) {
  std::vector<float> result(static_cast<size_t>(value.count()));
  for (size_t i = 0; i < result.size(); ++i) {
    T number;
    std::memcpy(&number, value.bytes.data() + i * sizeof(T), sizeof(T));
    result[i] = convert(number);
  }
  return result;
}

template <typename T>
std::vector<float> converted(const StoredValue& value) {
  return converted<T>(value, [](T number) { return static_cast<float>(number); });
}

std::vector<float> floats(std::string_view key, const StoredValue& value) {
  switch (value.element) {
    case Element::Bool:
    case Element::U8:
      return converted<uint8_t>(value);
    case Element::I8:
      return converted<int8_t>(value);
    case Element::I16:
      return converted<int16_t>(value);
    case Element::U16:
      return converted<uint16_t>(value);
    case Element::I32:
      return converted<int32_t>(value);
    case Element::U32:
      return converted<uint32_t>(value);
    case Element::I64:
      return converted<int64_t>(value);
    case Element::U64:
      return converted<uint64_t>(value);
    case Element::F16:
      return converted<uint16_t>(value, half);
    case Element::BF16:
      return converted<uint16_t>(value, [](uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16U); });
    case Element::F32:
      return converted<float>(value);
    case Element::F64:
      return converted<double>(value);
    default:
      throw feature_error(key, {.what = "not real numbers", .got = std::string(element_name(value.element))});
  }
}

}  // namespace

const Columns& StepColumns::get(const std::string& key) {
  if (const auto found = converted_.find(key); found != converted_.end()) return found->second;
  const StoredValue value = source_(key);
  const bool fits = value.row_lengths.empty() && (value.shape.size() == 1 || value.shape.size() == 2) &&
                    value.shape.front() == steps_;
  if (!fits) {
    throw feature_error(key, {.what = "not one row of numbers a step",
                              .expected = fmt::format("[{}, n]", steps_),
                              .got = fmt::format("[{}]", fmt::join(value.shape, ", "))});
  }
  Columns columns{.rows = steps_, .width = value.shape.size() == 2 ? value.shape[1] : 1, .values = floats(key, value)};
  return converted_.emplace(key, std::move(columns)).first->second;
}

void require_finite(std::span<const float> values, std::string_view key, int64_t step) {
  for (const float value : values) {
    if (std::isfinite(value)) continue;
    throw feature_error(key, {.where = fmt::format("step {}", step),
                              .what = "not finite",
                              .expected = "a number",
                              .got = fmt::format("{}", value)});
  }
}

Error feature_error(std::string_view key, ErrorFields fields) {
  fields.where = fmt::format("feature {}{}{}", key, fields.where.empty() ? "" : ", ", fields.where);
  return Error(ErrorCode::Malformed, std::move(fields));
}

}  // namespace magma
