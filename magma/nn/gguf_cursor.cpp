#include "magma/nn/gguf_cursor.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/core.h>

#include "magma/core/limits.h"

static_assert(std::endian::native == std::endian::little, "GGUF numbers are used as they lie in the file");

namespace magma {
namespace {

constexpr int64_t kWindowBytes = 65'536;

}  // namespace

GgufCursor::GgufCursor(ReadAt source, int64_t size, std::string file)
    : source_(std::move(source)), size_(size), file_(std::move(file)) {}

void GgufCursor::fail(ErrorCode code, std::string what, std::string expected, std::string got) const {
  throw Error(code, {.file = file_,
                     .where = fmt::format("byte {}, {}", position_, escape_text(field_, 60)),
                     .what = std::move(what),
                     .expected = std::move(expected),
                     .got = std::move(got)});
}

void GgufCursor::require(int64_t bytes) const {
  if (bytes > remaining()) {
    fail(ErrorCode::Malformed, "file ends too early", fmt::format("{} bytes", bytes),
         fmt::format("{} bytes", remaining()));
  }
  if (bytes > limits().gguf_header_bytes - position_) {
    fail(ErrorCode::Refused, "head of the file is too large",
         fmt::format("at most {} bytes", limits().gguf_header_bytes));
  }
}

void GgufCursor::fill() {
  window_.resize(static_cast<size_t>(std::min(kWindowBytes, remaining())));
  window_.resize(source_(position_, window_));
  window_begin_ = position_;
  if (window_.empty()) fail(ErrorCode::Malformed, "file has shrunk while it was read");
}

void GgufCursor::append(std::string& to, int64_t bytes) {
  require(bytes);
  while (bytes > 0) {
    int64_t skip = position_ - window_begin_;
    if (skip >= static_cast<int64_t>(window_.size())) {
      fill();
      skip = 0;
    }
    const int64_t part = std::min(bytes, static_cast<int64_t>(window_.size()) - skip);
    to.append(window_, static_cast<size_t>(skip), static_cast<size_t>(part));
    position_ += part;
    bytes -= part;
  }
}

template <typename T>
T GgufCursor::number() {
  std::string bytes;
  append(bytes, sizeof(T));
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}
template uint8_t GgufCursor::number();
template uint32_t GgufCursor::number();
template uint64_t GgufCursor::number();

int64_t GgufCursor::count(int64_t most, int64_t each) {
  const auto claimed = number<uint64_t>();
  if (claimed > static_cast<uint64_t>(remaining() / std::max<int64_t>(each, 1))) {
    fail(ErrorCode::Malformed, "count is larger than the file", fmt::format("{} bytes left", remaining()),
         std::to_string(claimed));
  }
  if (claimed > static_cast<uint64_t>(most)) {
    fail(ErrorCode::Refused, "count is too large", fmt::format("at most {}", most), std::to_string(claimed));
  }
  return static_cast<int64_t>(claimed);
}

std::string GgufCursor::text(int64_t most) {
  const int64_t length = count(most, 1);
  std::string result;
  append(result, length);
  return result;
}

}  // namespace magma
