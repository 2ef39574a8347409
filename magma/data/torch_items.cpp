#include "magma/data/torch_items.h"

#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/utf8.h"
#include "magma/data/torch_value.h"
#include "magma/kernel/number_format.h"

namespace magma {
namespace {

template <typename T>
T load(const StoredValue& numbers, int64_t index) {
  T value;
  std::memcpy(&value, numbers.bytes.data() + index * static_cast<int64_t>(sizeof value), sizeof value);
  return value;
}

Json number_at(const StoredValue& numbers, int64_t index) {
  switch (numbers.element) {
    case Element::Bool:
      return load<uint8_t>(numbers, index) != 0;
    case Element::I8:
      return load<int8_t>(numbers, index);
    case Element::I16:
      return load<int16_t>(numbers, index);
    case Element::I32:
      return load<int32_t>(numbers, index);
    case Element::I64:
      return load<int64_t>(numbers, index);
    case Element::U8:
      return load<uint8_t>(numbers, index);
    case Element::U16:
      return load<uint16_t>(numbers, index);
    case Element::U32:
      return load<uint32_t>(numbers, index);
    case Element::U64:
      return load<uint64_t>(numbers, index);
    case Element::F16:
      return from_f16(load<uint16_t>(numbers, index));
    case Element::BF16:
      return from_bf16(load<uint16_t>(numbers, index));
    case Element::F32:
      return load<float>(numbers, index);
    case Element::F64:
      return load<double>(numbers, index);
    default:
      throw Error(ErrorCode::Refused, {.what = "numbers of this type do not fit an item",
                                       .got = std::string(element_name(numbers.element))});
  }
}

Json nested(const StoredValue& numbers, size_t side, int64_t& at) {
  if (side == numbers.shape.size()) return number_at(numbers, at++);
  Json list = Json::array();
  for (int64_t i = 0; i < numbers.shape[side]; ++i) list.push_back(nested(numbers, side + 1, at));
  return list;
}

class TorchItems final : public ItemFile {
 public:
  explicit TorchItems(const Path& path) : file_(path.string()), list_(read_torch_file(path)) {
    if (list_.kind == TorchValue::Kind::List || list_.kind == TorchValue::Kind::Tuple) return;
    throw Error(
        ErrorCode::Malformed,
        {.file = file_, .what = "file holds no list of items", .hint = "magma data show --raw shows what is stored"});
  }

  int64_t size() const override { return static_cast<int64_t>(list_.items.size()); }
  std::string_view text(int64_t) const override { return {}; }
  std::string where(int64_t index) const override { return fmt::format("item {}", index); }

  Json item(int64_t index) const override {
    MAGMA_CHECK(index >= 0 && index < size(), "item {} of {}", index, size());
    try {
      return convert(list_.items[static_cast<size_t>(index)], where(index));
    } catch (const Error& error) {
      throw error.with_file(file_).with_where(where(index));
    }
  }

 private:
  [[noreturn]] void fail(const std::string& where, std::string what) const {
    throw Error(ErrorCode::Malformed, {.file = file_, .where = where, .what = std::move(what)});
  }

  Json convert(const TorchValue& value, const std::string& where) const {
    switch (value.kind) {
      case TorchValue::Kind::None:
        return nullptr;
      case TorchValue::Kind::Bool:
        return value.boolean;
      case TorchValue::Kind::Int:
        return integer(value.text, where);
      case TorchValue::Kind::Float:
        return value.real;
      case TorchValue::Kind::Complex:
        return Json::array({value.real, value.imaginary});
      case TorchValue::Kind::String:
      case TorchValue::Kind::Bytes:
        if (find_invalid_utf8(value.text) != std::string_view::npos) fail(where, "text is not UTF-8");
        return value.text;
      case TorchValue::Kind::List:
      case TorchValue::Kind::Tuple:
      case TorchValue::Kind::Set: {
        Json list = Json::array();
        for (size_t i = 0; i < value.items.size(); ++i) {
          list.push_back(convert(value.items[i], fmt::format("{}/{}", where, i)));
        }
        return list;
      }
      case TorchValue::Kind::Dict:
        return object(value, where);
      case TorchValue::Kind::Tensor:
      case TorchValue::Kind::Array:
        return json_of(*value.value);
      case TorchValue::Kind::Scalar: {
        int64_t at = 0;
        return nested(*value.value, 0, at);
      }
    }
    return nullptr;
  }

  Json integer(const std::string& digits, const std::string& where) const {
    int64_t small = 0;
    uint64_t large = 0;
    const char *begin = digits.data(), *end = begin + digits.size();
    if (std::from_chars(begin, end, small).ec == std::errc()) return small;
    if (std::from_chars(begin, end, large).ec == std::errc()) return large;
    fail(where, "integer does not fit 64 bits");
  }

  Json object(const TorchValue& dict, const std::string& where) const {
    Json result = Json::object();
    for (const auto& [key, content] : dict.entries) {
      if (key.kind != TorchValue::Kind::String) fail(where, "key of an item is no text");
      const Json name = convert(key, where);
      const auto& text = name.get_ref<const std::string&>();
      result[text] = convert(content, where + "/" + text);
    }
    return result;
  }

  std::string file_;
  TorchValue list_;
};

}  // namespace

Json json_of(const StoredValue& numbers) {
  int64_t at = 0;
  Json list = nested(numbers, 0, at);
  return numbers.shape.empty() ? Json::array({list}) : list;
}

std::unique_ptr<ItemFile> open_torch_items(const Path& path) { return std::make_unique<TorchItems>(path); }

}  // namespace magma
