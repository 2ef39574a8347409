#include "magma/nn/gguf.h"

#include <algorithm>

#include <fmt/core.h>

#include "magma/core/check.h"

namespace magma {
namespace {

constexpr int64_t kPartBytes = 1 << 20;

}  // namespace

GgufFile::GgufFile(const Path& path) : path_(path), file_(path) {
  const ReadAt source = [this](int64_t offset, std::span<char> bytes) { return file_.read_at(offset, bytes); };
  header_ = parse_gguf_header(source, file_.size(), path.string());
}

const GgufTensor& GgufFile::tensor(const std::string& name) const {
  const auto found = tensors().find(name);
  if (found == tensors().end()) {
    throw Error(ErrorCode::Malformed, {.file = path_.string(), .where = "tensor " + name, .what = "missing"});
  }
  return found->second;
}

void GgufFile::read_at(int64_t offset, const std::string& name, std::span<char> bytes) const {
  if (file_.read_at(offset, bytes) == bytes.size()) return;
  throw Error(ErrorCode::Malformed, {.file = path_.string(),
                                     .where = fmt::format("byte {}, tensor {}", offset, name),
                                     .what = "file has shrunk while it was read"});
}

void GgufFile::read_blocks(const std::string& name, int64_t first, std::span<char> bytes) const {
  const GgufTensor& entry = tensor(name);
  const GgufTypeFacts& facts = gguf_type_facts(entry.type);
  const int64_t row_bytes = entry.shape.empty() ? facts.bytes : entry.shape.back() / facts.values * facts.bytes;
  const auto size = static_cast<int64_t>(bytes.size());
  MAGMA_CHECK(row_bytes > 0 && size % row_bytes == 0 && first >= 0 &&
                  (first * row_bytes + size) <= entry.count() / facts.values * facts.bytes,
              "rows from {}, {} bytes of tensor {}", first, size, name);
  read_at(entry.begin + first * row_bytes, name, bytes);
}

template <typename T>
void GgufFile::read_values(const std::string& name, int64_t first, std::span<T> values) const {
  const GgufTensor& entry = tensor(name);
  const GgufTypeFacts& facts = gguf_type_facts(entry.type);
  if (!can_dequantise(entry.type)) {
    throw Error(ErrorCode::Refused, {.file = path_.string(),
                                     .where = "tensor " + name,
                                     .what = "type of tensor not supported",
                                     .expected = "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K or Q6_K",
                                     .got = std::string(facts.name)});
  }
  const int64_t row = entry.shape.empty() ? 1 : entry.shape.back();
  const auto count = static_cast<int64_t>(values.size());
  MAGMA_CHECK(first >= 0 && (row == 0 ? count == 0 : count % row == 0 && first <= (entry.count() - count) / row),
              "rows from {}, {} values of tensor {}", first, count, name);
  const int64_t begin = entry.begin + first * row / facts.values * facts.bytes;
  const int64_t part_values = kPartBytes / facts.bytes * facts.values;
  std::string part;
  for (int64_t done = 0; done < count; done += part_values) {
    const int64_t now = std::min(part_values, count - done);
    part.resize(static_cast<size_t>(now / facts.values * facts.bytes));
    read_at(begin + done / facts.values * facts.bytes, name, part);
    dequantise(entry.type, part, values.subspan(static_cast<size_t>(done), static_cast<size_t>(now)));
  }
}

void GgufFile::read_rows(const std::string& name, int64_t first, std::span<float> values) const {
  read_values(name, first, values);
}

void GgufFile::read_rows(const std::string& name, int64_t first, std::span<uint16_t> bf16) const {
  read_values(name, first, bf16);
}

}  // namespace magma
