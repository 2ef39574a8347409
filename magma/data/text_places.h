// Where the items of a JSON text stand, found without parsing them.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "magma/core/json.h"

namespace magma {

struct TextPiece {
  int64_t begin = 0, end = 0;  // bytes
};

// Lines of a text, counted when they are first asked for.
class LineCounter {
 public:
  explicit LineCounter(std::string_view text) : text_(text) {}
  JsonOrigin origin(const std::string& file, int64_t byte) const;  // from any thread

 private:
  std::string_view text_;
  mutable std::once_flag counted_;
  mutable std::vector<int64_t> before_;  // newlines before each block
};

// The elements of the array that `text` is: each from behind a bracket or comma to the next. If every piece is a JSON
// value, the whole text is a JSON array. Error(Malformed) when it is none, is cut, or has a comma too many.
class ArrayPlaces {
 public:
  ArrayPlaces(std::string_view text, const LineCounter& lines, const std::string& file);
  int64_t size() const { return static_cast<int64_t>(ends_.size()); }
  TextPiece operator[](int64_t index) const;

 private:
  int64_t begin_ = 0;         // of the first
  std::deque<int64_t> ends_;  // a deque does not copy itself while it grows
};

// The lines that are not blank, without their ends.
class LinePlaces {
 public:
  explicit LinePlaces(std::string_view text);
  int64_t size() const { return static_cast<int64_t>(begins_.size()); }
  TextPiece operator[](int64_t index) const;

 private:
  std::string_view text_;
  std::deque<int64_t> begins_;
};

}  // namespace magma
