#include "magma/nn/safetensors_header.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"

namespace magma {
namespace {

struct DTypeFacts {
  DType dtype;
  std::string_view name;
  int64_t bytes;
};

constexpr std::array kTypes = {
    DTypeFacts{DType::Bool, "BOOL", 1},     DTypeFacts{DType::U8, "U8", 1},   DTypeFacts{DType::I8, "I8", 1},
    DTypeFacts{DType::I16, "I16", 2},       DTypeFacts{DType::U16, "U16", 2}, DTypeFacts{DType::F16, "F16", 2},
    DTypeFacts{DType::BF16, "BF16", 2},     DTypeFacts{DType::I32, "I32", 4}, DTypeFacts{DType::U32, "U32", 4},
    DTypeFacts{DType::F32, "F32", 4},       DTypeFacts{DType::I64, "I64", 8}, DTypeFacts{DType::U64, "U64", 8},
    DTypeFacts{DType::F64, "F64", 8},       DTypeFacts{DType::C64, "C64", 8}, DTypeFacts{DType::F8E4M3, "F8_E4M3", 1},
    DTypeFacts{DType::F8E5M2, "F8_E5M2", 1}};

constexpr std::array<std::string_view, 6> kUnsupportedTypes = {"F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
                                                               "F4",      "F6_E2M3",     "F6_E3M2"};

constexpr std::string_view kMetadata = "__metadata__";
constexpr int64_t kHeaderDepth = 8;
constexpr int64_t kLengthBytes = 8;

const DTypeFacts& facts_of(DType dtype) {
  const auto found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& facts) { return facts.dtype == dtype; });
  MAGMA_CHECK(found != kTypes.end(), "unknown tensor type {}", static_cast<int>(dtype));
  return *found;
}

class HeaderReader {
 public:
  HeaderReader(int64_t data_bytes, std::string file) : data_bytes_(data_bytes), file_(std::move(file)) {}

  SafetensorsHeader read(const Json& root) {
    const JsonObject checked(root, file_);
    SafetensorsHeader header;
    const int64_t tensors = static_cast<int64_t>(root.size()) - (checked.has(kMetadata) ? 1 : 0);
    bounded(tensors, 0, limits().safetensors_tensors, "number of tensors");
    for (const auto& [name, value] : root.items()) {
      if (name == kMetadata) {
        header.metadata = metadata(value);
      } else {
        header.tensors.emplace(name, entry(name, value));
      }
    }
    require_tiling(header.tensors);
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& name, std::string what, std::string expected = "",
                         std::string got = "") const {
    throw Error(ErrorCode::Malformed, {.file = file_,
                                       .where = name.empty() ? "" : "tensor " + name,
                                       .what = std::move(what),
                                       .expected = std::move(expected),
                                       .got = std::move(got)});
  }

  std::map<std::string, std::string> metadata(const Json& value) const {
    const JsonObject members(value, file_, "/__metadata__");
    std::map<std::string, std::string> result;
    for (const auto& [key, text] : value.items()) result[key] = members.string(key);
    return result;
  }

  DType dtype(const std::string& name, const std::string& spelled) const {
    for (const DTypeFacts& facts : kTypes) {
      if (facts.name == spelled) return facts.dtype;
    }
    if (std::find(kUnsupportedTypes.begin(), kUnsupportedTypes.end(), spelled) == kUnsupportedTypes.end()) {
      fail(name, "unknown tensor type", "a safetensors type such as F32", spelled);
    }
    throw Error(ErrorCode::Refused,
                {.file = file_, .where = "tensor " + name, .what = "tensor type not supported", .got = spelled});
  }

  std::vector<int64_t> integers(const std::string& name, const Json& values, std::string_view field) const {
    std::vector<int64_t> result;
    for (const Json& value : values) {
      const bool whole = value.is_number_unsigned() && value.get<uint64_t>() <= uint64_t{INT64_MAX};
      if (!whole) fail(name, fmt::format("{} holds something else than integers >= 0", field), "", value.dump());
      result.push_back(value.get<int64_t>());
    }
    return result;
  }

  TensorEntry entry(const std::string& name, const Json& value) const {
    const JsonObject members(value, file_, "/" + name);
    members.refuse_unknown({"dtype", "shape", "data_offsets"});
    TensorEntry result;
    result.dtype = dtype(name, members.string("dtype"));
    result.shape = integers(name, members.array("shape"), "shape");
    const std::vector<int64_t> offsets = integers(name, members.array("data_offsets"), "data_offsets");
    if (offsets.size() != 2) fail(name, "data_offsets are not a pair", "2", std::to_string(offsets.size()));
    result.begin = offsets[0];
    result.end = offsets[1];
    if (result.begin > result.end) fail(name, "tensor ends before it begins");
    if (result.end > data_bytes_) {
      fail(name, "tensor reaches beyond the file", fmt::format("at most {}", data_bytes_), std::to_string(result.end));
    }
    const std::optional<int64_t> bytes = checked_bytes(result);
    if (!bytes) fail(name, "shape is too large");
    if (*bytes != result.end - result.begin) {
      fail(name, "shape and data_offsets disagree", fmt::format("{} bytes", *bytes),
           fmt::format("{} bytes", result.end - result.begin));
    }
    return result;
  }

  static std::optional<int64_t> checked_bytes(const TensorEntry& tensor) {
    int64_t bytes = dtype_bytes(tensor.dtype);
    for (const int64_t side : tensor.shape) {
      if (__builtin_mul_overflow(bytes, side, &bytes)) return std::nullopt;
    }
    return bytes;
  }

  // Every byte belongs to exactly one tensor.
  void require_tiling(const std::map<std::string, TensorEntry>& tensors) const {
    std::vector<std::pair<const std::string*, const TensorEntry*>> order;
    for (const auto& [name, tensor] : tensors) order.emplace_back(&name, &tensor);
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
    });
    int64_t filled = 0;
    const std::string* before = nullptr;
    for (const auto& [name, tensor] : order) {
      if (tensor->begin < filled) fail(*name, "overlaps another tensor", "", before == nullptr ? "" : *before);
      if (tensor->begin > filled) fail(*name, "bytes before the tensor belong to none");
      filled = tensor->end;
      before = name;
    }
    if (filled != data_bytes_) {
      fail("", "file size and header disagree", fmt::format("{} bytes of data", filled), std::to_string(data_bytes_));
    }
  }

  int64_t data_bytes_;
  std::string file_;
};

}  // namespace

int64_t dtype_bytes(DType dtype) { return facts_of(dtype).bytes; }
std::string_view dtype_name(DType dtype) { return facts_of(dtype).name; }

int64_t TensorEntry::count() const {
  int64_t product = 1;
  for (const int64_t side : shape) product = checked_multiply(product, side, "tensor shape");
  return product;
}

SafetensorsHeader parse_safetensors_header(std::string_view text, int64_t data_bytes, const std::string& file) {
  // The format wants the brace first, the reference takes white space before it.
  const size_t first = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  if (!text.substr(first).starts_with('{')) {
    throw Error(ErrorCode::Malformed, {.file = file,
                                       .where = fmt::format("byte {}", kLengthBytes + static_cast<int64_t>(first)),
                                       .what = "header does not start with an object",
                                       .expected = "{",
                                       .got = std::string(text.substr(first, 1))});
  }
  const Json root = parse_json(
      text, {.file = file, .byte = kLengthBytes},
      {.depth = kHeaderDepth, .values = limits().safetensors_header_values, .too_deep = ErrorCode::Malformed});
  return HeaderReader(data_bytes, file).read(root);
}

}  // namespace magma
