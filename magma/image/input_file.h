// InputFile: an open regular file read by position. Never a device, a pipe, a network name or a second file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "magma/core/file.h"

namespace magma {

class InputFile {
 public:
  // FileSystem: missing, unreadable, a folder. Refused: device, pipe or socket.
  explicit InputFile(const Path& path);

  const std::string& name() const { return name_; }  // as the user gave it
  int64_t size() const { return reader_.size(); }    // bytes, when it was opened
  // Fills `bytes`; the count is less only at the end of the file. Errors: FileSystem.
  size_t read(int64_t offset, std::span<char> bytes) const { return reader_.read_at(offset, bytes); }

 private:
  std::string name_;
  FileReader reader_;
};

// Small reads at rising offsets. A read past the end is Error(Malformed): the file is truncated.
class ByteWindow {
 public:
  explicit ByteWindow(const InputFile& file) : file_(file) {}
  int64_t size() const { return file_.size(); }
  const std::string& name() const { return file_.name(); }
  uint8_t byte(int64_t offset);
  uint64_t big_endian(int64_t offset, int bytes);
  uint64_t little_endian(int64_t offset, int bytes);
  std::string text(int64_t offset, int64_t bytes);
  void require(int64_t end);  // the file must reach `end`

 private:
  const InputFile& file_;
  std::vector<char> window_;
  int64_t begin_ = 0;
};

}  // namespace magma
