#include "magma/nn/gguf_header.h"

#include <algorithm>
#include <bit>
#include <set>

#include <fmt/core.h>

#include "magma/core/limits.h"
#include "magma/core/utf8.h"

namespace magma {
namespace {

constexpr int64_t kKeyBytes = 65'535;
constexpr int64_t kNameBytes = 64;
constexpr uint32_t kDimensions = 4;
constexpr int64_t kDefaultAlignment = 32;
constexpr int64_t kMostAlignment = 65'536;
constexpr int64_t kLeastValueBytes = 13;   // length of the key, type, one byte
constexpr int64_t kLeastTensorBytes = 24;  // length of the name, dimensions, type, offset
constexpr int64_t kLeastTextBytes = 8;
constexpr int64_t kLeastArrayBytes = 12;

class HeaderReader {
 public:
  HeaderReader(const ReadAt& source, int64_t bytes, std::string file)
      : cursor_(source, bytes, file), bytes_(bytes), file_(std::move(file)) {}

  GgufHeader read() {
    read_version();
    cursor_.enter("number of tensors");
    const auto tensors = cursor_.number<uint64_t>();
    cursor_.enter("number of metadata values");
    const int64_t values = cursor_.count(limits().gguf_metadata, kLeastValueBytes);
    read_metadata(values);
    read_alignment();
    cursor_.enter("number of tensors");
    require_tensor_count(tensors);
    for (uint64_t i = 0; i < tensors; ++i) read_tensor(i);
    place_tensors();
    return std::move(header_);
  }

 private:
  void read_version() {
    cursor_.enter("magic");
    std::string magic;
    cursor_.append(magic, 4);
    if (magic != "GGUF") cursor_.fail(ErrorCode::Malformed, "not a GGUF file", "GGUF", magic);
    cursor_.enter("version");
    header_.version = cursor_.number<uint32_t>();
    if (header_.version == 1) {
      cursor_.fail(ErrorCode::Refused, "version of the format not supported", "2 or 3", "1");
    }
    if (header_.version == __builtin_bswap32(2) || header_.version == __builtin_bswap32(3)) {
      cursor_.fail(ErrorCode::Refused, "big-endian files are not supported");
    }
    if (header_.version != 2 && header_.version != 3) {
      cursor_.fail(ErrorCode::Malformed, "unknown version of the format", "2 or 3", std::to_string(header_.version));
    }
  }

  void require_tensor_count(uint64_t tensors) const {
    if (tensors > static_cast<uint64_t>(cursor_.remaining() / kLeastTensorBytes)) {
      cursor_.fail(ErrorCode::Malformed, "count is larger than the file",
                   fmt::format("{} bytes left", cursor_.remaining()), std::to_string(tensors));
    }
    if (tensors > static_cast<uint64_t>(limits().gguf_tensors)) {
      cursor_.fail(ErrorCode::Refused, "count is too large", fmt::format("at most {}", limits().gguf_tensors),
                   std::to_string(tensors));
    }
  }

  // Names are compared and printed: no two may look or compare alike in different readers.
  void require_plain(const std::string& name) const {
    if (name.empty()) cursor_.fail(ErrorCode::Malformed, "empty name");
    if (find_invalid_utf8(name) != std::string::npos) cursor_.fail(ErrorCode::Malformed, "invalid UTF-8", "", name);
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    if (std::any_of(name.begin(), name.end(), control)) {
      cursor_.fail(ErrorCode::Malformed, "control character in a name", "", name);
    }
  }

  void read_metadata(int64_t count) {
    std::map<std::string, GgufValue> values;
    for (int64_t i = 0; i < count; ++i) {
      cursor_.enter(fmt::format("key of metadata value {}", i));
      std::string key = cursor_.text(kKeyBytes);
      require_plain(key);
      if (values.contains(key)) cursor_.fail(ErrorCode::Malformed, "key occurs twice", "", key);
      cursor_.enter("metadata " + key);
      const GgufValueType type = value_type();
      GgufValue value = type == GgufValueType::Array ? array(1) : items(type, 1);
      values.emplace(std::move(key), std::move(value));
    }
    header_.metadata = GgufMetadata(std::move(values), file_);
  }

  GgufValueType value_type() {
    const auto number = cursor_.number<uint32_t>();
    if (number > static_cast<uint32_t>(GgufValueType::F64)) {
      cursor_.fail(ErrorCode::Malformed, "unknown type of value", "0 to 12", std::to_string(number));
    }
    return static_cast<GgufValueType>(number);
  }

  GgufValue array(int64_t depth) {
    if (depth > limits().gguf_array_depth) {
      cursor_.fail(ErrorCode::Refused, "arrays nested too deeply",
                   fmt::format("at most {}", limits().gguf_array_depth));
    }
    const GgufValueType type = value_type();
    const bool nested = type == GgufValueType::Array;
    const int64_t least = nested                          ? kLeastArrayBytes
                          : type == GgufValueType::String ? kLeastTextBytes
                                                          : gguf_value_bytes(type);
    const int64_t count = cursor_.count(limits().gguf_array_values, least);
    if (!nested) {
      GgufValue result = items(type, count);
      result.is_array = true;
      return result;
    }
    nested_arrays_ += count;
    if (nested_arrays_ > limits().gguf_nested_arrays) {
      cursor_.fail(ErrorCode::Refused, "too many arrays in arrays",
                   fmt::format("at most {}", limits().gguf_nested_arrays), std::to_string(nested_arrays_));
    }
    GgufValue result{.is_array = true, .type = type, .count = count, .bytes = {}, .ends = {}, .arrays = {}};
    for (int64_t i = 0; i < count; ++i) result.arrays.push_back(array(depth + 1));
    return result;
  }

  GgufValue items(GgufValueType type, int64_t count) {
    GgufValue result{.is_array = false, .type = type, .count = count, .bytes = {}, .ends = {}, .arrays = {}};
    if (type == GgufValueType::String) {
      result.ends.reserve(static_cast<size_t>(count));
      for (int64_t i = 0; i < count; ++i) {
        cursor_.append(result.bytes, cursor_.count(limits().gguf_text_bytes, 1));
        result.ends.push_back(result.bytes.size());
      }
      return result;
    }
    cursor_.append(result.bytes, count * gguf_value_bytes(type));
    const auto not_bool = [](char c) { return c != 0 && c != 1; };
    if (type == GgufValueType::Bool && std::any_of(result.bytes.begin(), result.bytes.end(), not_bool)) {
      cursor_.fail(ErrorCode::Malformed, "bool is neither 0 nor 1");
    }
    return result;
  }

  void read_alignment() {
    const std::string key = "general.alignment";
    header_.alignment = header_.metadata.optional_integer(key).value_or(kDefaultAlignment);
    const int64_t alignment = header_.alignment;
    if (alignment < 8 || alignment > kMostAlignment || !std::has_single_bit(static_cast<uint64_t>(alignment))) {
      header_.metadata.fail(key, ErrorCode::Malformed, "unusable alignment",
                            fmt::format("a power of two from 8 to {}", kMostAlignment), std::to_string(alignment));
    }
  }

  void read_tensor(uint64_t number) {
    cursor_.enter(fmt::format("name of tensor {}", number));
    std::string name = cursor_.text(kNameBytes);
    require_plain(name);
    if (header_.tensors.contains(name)) cursor_.fail(ErrorCode::Malformed, "tensor occurs twice", "", name);
    cursor_.enter("tensor " + name);
    GgufTensor tensor;
    tensor.shape = shape();
    const auto type = cursor_.number<uint32_t>();
    const GgufTypeFacts* facts = find_gguf_type(type);
    if (facts == nullptr) cursor_.fail(ErrorCode::Malformed, "unknown type of tensor", "", std::to_string(type));
    if (facts->bytes == 0) {
      cursor_.fail(ErrorCode::Refused, "type of tensor that the format has dropped", "", std::string(facts->name));
    }
    tensor.type = facts->type;
    const int64_t bytes = tensor_bytes(tensor.shape, *facts);
    const auto offset = cursor_.number<uint64_t>();
    if (offset % static_cast<uint64_t>(header_.alignment) != 0) {
      cursor_.fail(ErrorCode::Malformed, "tensor does not start at a multiple of the alignment",
                   std::to_string(header_.alignment), std::to_string(offset));
    }
    // Relative to the data for now, whose start is known after the last entry.
    if (offset > static_cast<uint64_t>(bytes_) || bytes > bytes_ - static_cast<int64_t>(offset)) {
      cursor_.fail(ErrorCode::Malformed, "tensor reaches beyond the file", fmt::format("at most {} bytes", bytes_),
                   fmt::format("{} + {}", offset, bytes));
    }
    tensor.begin = static_cast<int64_t>(offset);
    tensor.end = tensor.begin + bytes;
    header_.tensors.emplace(std::move(name), std::move(tensor));
  }

  std::vector<int64_t> shape() {
    const auto dimensions = cursor_.number<uint32_t>();
    if (dimensions > kDimensions) {
      cursor_.fail(ErrorCode::Malformed, "too many dimensions", fmt::format("at most {}", kDimensions),
                   std::to_string(dimensions));
    }
    std::vector<int64_t> result;
    for (uint32_t i = 0; i < dimensions; ++i) {
      const auto side = cursor_.number<uint64_t>();
      if (side > uint64_t{INT64_MAX})
        cursor_.fail(ErrorCode::Malformed, "shape is too large", "", std::to_string(side));
      result.insert(result.begin(), static_cast<int64_t>(side));
    }
    return result;
  }

  // Rows are whole blocks; both products are checked step by step, since a side of zero hides what the others overflow.
  int64_t tensor_bytes(const std::vector<int64_t>& shape, const GgufTypeFacts& facts) const {
    const int64_t row = shape.empty() ? 1 : shape.back();
    if (row % facts.values != 0) {
      cursor_.fail(ErrorCode::Malformed, "rows are not whole blocks",
                   fmt::format("a multiple of {} for {}", facts.values, facts.name), std::to_string(row));
    }
    int64_t bytes = row / facts.values, values = 1;
    bool fits = !__builtin_mul_overflow(bytes, facts.bytes, &bytes);
    for (size_t i = 0; i + 1 < shape.size(); ++i) fits = fits && !__builtin_mul_overflow(bytes, shape[i], &bytes);
    for (const int64_t side : shape) fits = fits && !__builtin_mul_overflow(values, side, &values);
    if (!fits) cursor_.fail(ErrorCode::Malformed, "shape is too large");
    return bytes;
  }

  int64_t padded(int64_t offset) const {
    return (offset + header_.alignment - 1) / header_.alignment * header_.alignment;
  }

  [[noreturn]] void fail_tensor(const std::string& name, std::string what, std::string expected = "",
                                std::string got = "") const {
    throw Error(ErrorCode::Malformed, {.file = file_,
                                       .where = name.empty() ? "data" : "tensor " + name,
                                       .what = std::move(what),
                                       .expected = std::move(expected),
                                       .got = std::move(got)});
  }

  // Every byte after the head belongs to exactly one tensor or to the padding behind one.
  void place_tensors() {
    std::vector<std::pair<const std::string*, GgufTensor*>> order;
    for (auto& [name, tensor] : header_.tensors) order.emplace_back(&name, &tensor);
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
    });
    const int64_t data = padded(cursor_.position());
    int64_t filled = 0;
    const std::string* before = nullptr;
    for (auto& [name, tensor] : order) {
      if (tensor->begin < filled) fail_tensor(*name, "overlaps another tensor", "", before == nullptr ? "" : *before);
      if (tensor->begin > padded(filled)) {
        fail_tensor(*name, "bytes before the tensor belong to none", std::to_string(padded(filled)),
                    std::to_string(tensor->begin));
      }
      filled = tensor->end;
      tensor->begin += data;
      tensor->end += data;
      // Without values there may be no data to be padded for.
      if (tensor->begin == tensor->end) tensor->begin = tensor->end = std::min(tensor->end, bytes_);
      if (tensor->end > bytes_) {
        fail_tensor(*name, "tensor reaches beyond the file", fmt::format("at most {}", bytes_),
                    std::to_string(tensor->end));
      }
      before = name;
    }
    if (bytes_ > data + padded(filled)) {
      fail_tensor("", "bytes behind the last tensor", std::to_string(data + padded(filled)), std::to_string(bytes_));
    }
  }

  GgufCursor cursor_;
  int64_t bytes_;
  std::string file_;
  GgufHeader header_;
  int64_t nested_arrays_ = 0;
};

}  // namespace

int64_t GgufTensor::count() const {
  int64_t product = 1;
  for (const int64_t side : shape) product = checked_multiply(product, side, "tensor shape");
  return product;
}

GgufHeader parse_gguf_header(const ReadAt& source, int64_t file_bytes, const std::string& file) {
  return HeaderReader(source, file_bytes, file).read();
}

}  // namespace magma
