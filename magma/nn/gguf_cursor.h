// Reads the head of a GGUF file value by value; every failure names the byte and the field being read.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "magma/core/error.h"

namespace magma {

// Fills `bytes` from `offset`; the count is less only at the end.
using ReadAt = std::function<size_t(int64_t offset, std::span<char> bytes)>;

class GgufCursor {
 public:
  GgufCursor(ReadAt source, int64_t size, std::string file);

  int64_t position() const { return position_; }
  int64_t remaining() const { return size_ - position_; }
  void enter(std::string field) { field_ = std::move(field); }  // what is read next, for errors

  template <typename T>
  T number();
  void append(std::string& to, int64_t bytes);
  // A count or length of the file, then `each` bytes at least for every one of it.
  int64_t count(int64_t most, int64_t each);
  std::string text(int64_t most);  // length and bytes

  [[noreturn]] void fail(ErrorCode code, std::string what, std::string expected = "", std::string got = "") const;

 private:
  void require(int64_t bytes) const;
  void fill();

  ReadAt source_;
  int64_t size_;
  std::string file_;
  std::string field_;
  std::string window_;  // bytes of the file from window_begin_
  int64_t window_begin_ = 0;
  int64_t position_ = 0;
};

}  // namespace magma
