#include "magma/data/torch_key.h"

#include <cmath>
#include <cstring>

#include <fmt/format.h>

namespace magma {
namespace {

constexpr double kInt64End = 9223372036854775808.0;  // 2^63

std::string float_key(double value) {
  const bool whole = std::trunc(value) == value && std::abs(value) < kInt64End;
  return whole ? fmt::format("i{}", static_cast<int64_t>(value)) : fmt::format("f{:a}", value);
}

template <typename T>
T load(const std::string& bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::optional<std::string> scalar_key(const StoredValue& value) {
  const auto integer = [](auto number) { return fmt::format("i{}", number); };
  switch (value.element) {
    case Element::Bool:
    case Element::U8:
      return integer(load<uint8_t>(value.bytes));
    case Element::I8:
      return integer(int{load<int8_t>(value.bytes)});
    case Element::I16:
      return integer(load<int16_t>(value.bytes));
    case Element::I32:
      return integer(load<int32_t>(value.bytes));
    case Element::I64:
      return integer(load<int64_t>(value.bytes));
    case Element::U16:
      return integer(load<uint16_t>(value.bytes));
    case Element::U32:
      return integer(load<uint32_t>(value.bytes));
    case Element::U64:
      return integer(load<uint64_t>(value.bytes));
    case Element::F32:
      return float_key(load<float>(value.bytes));
    case Element::F64:
      return float_key(load<double>(value.bytes));
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::string> torch_key(const TorchValue& key) {
  switch (key.kind) {
    case TorchValue::Kind::None:
      return "n";
    case TorchValue::Kind::Bool:
      return key.boolean ? "i1" : "i0";
    case TorchValue::Kind::Int:
      return "i" + key.text;
    case TorchValue::Kind::Float:
      return float_key(key.real);
    case TorchValue::Kind::Complex:
      return key.imaginary == 0 ? float_key(key.real) : fmt::format("c{:a},{:a}", key.real, key.imaginary);
    case TorchValue::Kind::String:
      return "s" + key.text;
    case TorchValue::Kind::Bytes:
      return "b" + key.text;
    case TorchValue::Kind::Tuple: {
      std::string text = "t";
      for (const TorchValue& item : key.items) {
        const std::optional<std::string> part = torch_key(item);
        if (!part) return std::nullopt;
        text += fmt::format("{}:{}", part->size(), *part);
      }
      return text;
    }
    case TorchValue::Kind::Scalar:
      return scalar_key(*key.value);
    default:
      return std::nullopt;
  }
}

}  // namespace magma
