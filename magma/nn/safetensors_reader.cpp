#include <bit>
#include <cstring>

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/nn/safetensors.h"
#include "magma/nn/safetensors_header.h"

static_assert(std::endian::native == std::endian::little, "safetensors data are used as they lie in the file");

namespace magma {
namespace {

constexpr int64_t kLengthBytes = 8;

template <typename T>
bool stored_as(DType dtype);
template <>
bool stored_as<float>(DType dtype) {
  return dtype == DType::F32;
}
template <>
bool stored_as<double>(DType dtype) {
  return dtype == DType::F64;
}
template <>
bool stored_as<uint8_t>(DType dtype) {
  return dtype == DType::U8 || dtype == DType::Bool;
}
template <>
bool stored_as<int16_t>(DType dtype) {
  return dtype == DType::I16;
}
template <>
bool stored_as<int64_t>(DType dtype) {
  return dtype == DType::I64;
}

}  // namespace

struct SafetensorsFile::State {
  explicit State(const Path& file_path) : path(file_path), file(file_path) {}

  Path path;
  FileReader file;
  SafetensorsHeader header;
  int64_t data_begin = 0;

  [[noreturn]] void fail(std::string where, std::string what, std::string expected = "", std::string got = "") const {
    throw Error(ErrorCode::Malformed, {.file = path.string(),
                                       .where = std::move(where),
                                       .what = std::move(what),
                                       .expected = std::move(expected),
                                       .got = std::move(got)});
  }

  std::string read_exactly(int64_t offset, int64_t bytes) const {
    std::string data(static_cast<size_t>(bytes), '\0');
    const size_t got = file.read_at(offset, data);
    if (got < data.size()) {
      fail(fmt::format("byte {}", offset + static_cast<int64_t>(got)), "file ends too early",
           fmt::format("{} more bytes", data.size() - got));
    }
    return data;
  }

  void read_header() {
    if (file.size() < kLengthBytes) {
      fail("byte 0", "too short for a safetensors file", "at least 8 bytes", std::to_string(file.size()));
    }
    uint64_t length = 0;
    std::memcpy(&length, read_exactly(0, kLengthBytes).data(), sizeof length);
    const auto available = static_cast<uint64_t>(file.size() - kLengthBytes);
    if (length > available || length > static_cast<uint64_t>(limits().safetensors_header_bytes)) {
      fail("byte 0", "header length is not that of a safetensors file",
           fmt::format("at most {}", std::min(available, uint64_t(limits().safetensors_header_bytes))),
           std::to_string(length));
    }
    data_begin = kLengthBytes + static_cast<int64_t>(length);
    const std::string text = read_exactly(kLengthBytes, static_cast<int64_t>(length));
    header = parse_safetensors_header(text, file.size() - data_begin, path.string());
  }
};

SafetensorsFile::SafetensorsFile(const Path& path) : state_(std::make_unique<State>(path)) {
  try {
    state_->read_header();
  } catch (const Error& error) {
    throw error.with_file(path.string());
  }
}

SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;

const std::map<std::string, TensorEntry>& SafetensorsFile::tensors() const { return state_->header.tensors; }
const std::map<std::string, std::string>& SafetensorsFile::metadata() const { return state_->header.metadata; }

const TensorEntry& SafetensorsFile::entry(const std::string& name) const {
  const auto found = tensors().find(name);
  if (found == tensors().end()) state_->fail("tensor " + name, "missing");
  return found->second;
}

std::string SafetensorsFile::read(const std::string& name) const {
  const TensorEntry& tensor = entry(name);
  return state_->read_exactly(state_->data_begin + tensor.begin, tensor.end - tensor.begin);
}

std::shared_ptr<const char> SafetensorsFile::map_data() const {
  const std::shared_ptr<const char> whole = state_->file.map();
  return {whole, whole.get() + state_->data_begin};
}

template <typename T>
std::vector<T> SafetensorsFile::read_as(const std::string& name) const {
  const TensorEntry& tensor = entry(name);
  if (!stored_as<T>(tensor.dtype)) {
    state_->fail("tensor " + name, "has another type than needed", "", std::string(dtype_name(tensor.dtype)));
  }
  const std::string bytes = read(name);
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

template std::vector<float> SafetensorsFile::read_as(const std::string&) const;
template std::vector<double> SafetensorsFile::read_as(const std::string&) const;
template std::vector<uint8_t> SafetensorsFile::read_as(const std::string&) const;
template std::vector<int16_t> SafetensorsFile::read_as(const std::string&) const;
template std::vector<int64_t> SafetensorsFile::read_as(const std::string&) const;

}  // namespace magma
