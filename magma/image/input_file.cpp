#include "magma/image/input_file.h"

#include "magma/core/error.h"

namespace magma {
namespace {

constexpr size_t kWindowBytes = 4096;

// Asked before opening: opening a pipe waits, and opening a device may act.
const Path& refuse_devices(const Path& path) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  if (!std::filesystem::is_other(status)) return path;
  throw Error(ErrorCode::Refused, {.file = path.string(),
                                   .what = "only regular files are read",
                                   .expected = "a file",
                                   .got = "a device, pipe or socket",
                                   .hint = "copy the input to a file first"});
}

}  // namespace

InputFile::InputFile(const Path& path) : name_(path.string()), reader_(refuse_devices(path)) {}

uint8_t ByteWindow::byte(int64_t offset) {
  if (offset < begin_ || offset >= begin_ + static_cast<int64_t>(window_.size())) {
    require(offset + 1);
    window_.resize(kWindowBytes);
    window_.resize(file_.read(offset, window_));
    begin_ = offset;
    if (window_.empty()) require(size() + 1);  // the file shrank since it was opened
  }
  return static_cast<uint8_t>(window_[static_cast<size_t>(offset - begin_)]);
}

uint64_t ByteWindow::big_endian(int64_t offset, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | byte(offset + i);
  return value;
}

uint64_t ByteWindow::little_endian(int64_t offset, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value |= uint64_t{byte(offset + i)} << (8 * i);
  return value;
}

std::string ByteWindow::text(int64_t offset, int64_t bytes) {
  std::string result;
  for (int64_t i = 0; i < bytes; ++i) result += static_cast<char>(byte(offset + i));
  return result;
}

void ByteWindow::require(int64_t end) {
  if (end <= size()) return;
  throw Error(ErrorCode::Malformed, {.file = name(),
                                     .where = "byte " + std::to_string(size()),
                                     .what = "the file is truncated",
                                     .expected = "at least " + std::to_string(end) + " bytes",
                                     .got = std::to_string(size())});
}

}  // namespace magma
