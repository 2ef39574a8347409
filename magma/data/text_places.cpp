#include "magma/data/text_places.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "magma/core/error.h"

namespace magma {
namespace {

constexpr int64_t kBlockBytes = int64_t{1} << 20;

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Whether a byte opens, closes or quotes; in the array itself also whether it separates.
constexpr std::array<bool, 256> stops(bool commas) {
  std::array<bool, 256> table{};
  for (const unsigned char c : {'"', '[', ']', '{', '}'}) table[c] = true;
  table[static_cast<unsigned char>(',')] = commas;
  return table;
}
constexpr std::array<bool, 256> kInArray = stops(true), kInElement = stops(false);

class ArrayScan {
 public:
  ArrayScan(std::string_view text, const LineCounter& lines, const std::string& file)
      : text_(text), lines_(lines), file_(file), at_(text.data()), end_(text.data() + text.size()) {}

  // Where the first element begins; `ends` gets where each ends.
  int64_t run(std::deque<int64_t>& ends) {
    if (text_.starts_with("\xEF\xBB\xBF")) fail("starts with a byte order mark");
    skip_spaces();
    if (at_ == end_ || *at_ != '[') fail("not a JSON array", "[");
    ++at_;
    const int64_t begin = offset();
    const char* element = at_;
    while (true) {
      find_element_end();
      const bool last = *at_ == ']';
      if (std::all_of(element, at_, is_space)) {
        if (!last || !ends.empty()) fail("no value between commas");
      } else {
        ends.push_back(offset());
      }
      ++at_;
      if (last) break;
      element = at_;
    }
    skip_spaces();
    if (at_ != end_) fail("text behind the array");
    return begin;
  }

 private:
  int64_t offset() const { return at_ - text_.data(); }

  [[noreturn]] void fail(std::string what, std::string expected = "") const {
    const JsonOrigin origin = lines_.origin(file_, offset());
    throw Error(ErrorCode::Malformed,
                {.file = file_,
                 .where = std::to_string(origin.line) + ":" + std::to_string(origin.column) + " (byte " +
                          std::to_string(origin.byte) + ")",
                 .what = std::move(what),
                 .expected = std::move(expected),
                 .got = std::string(at_, static_cast<size_t>(std::min<std::ptrdiff_t>(end_ - at_, 16)))});
  }

  void skip_spaces() {
    while (at_ != end_ && is_space(*at_)) ++at_;
  }

  // To the comma or bracket behind the element.
  void find_element_end() {
    int64_t depth = 0;
    while (true) {
      const std::array<bool, 256>& stop = depth == 0 ? kInArray : kInElement;
      while (at_ != end_ && !stop[static_cast<unsigned char>(*at_)]) ++at_;
      if (at_ == end_) fail("JSON ends too early");
      switch (*at_) {
        case '"':
          skip_string();
          continue;
        case '[':
        case '{':
          ++depth;
          break;
        case ']':
          if (depth == 0) return;
          --depth;
          break;
        case '}':
          if (depth == 0) fail("not valid JSON");
          --depth;
          break;
        default:  // a comma of the array
          return;
      }
      ++at_;
    }
  }

  void skip_string() {
    const char* from = at_ + 1;
    while (true) {
      const void* quote = std::memchr(from, '"', static_cast<size_t>(end_ - from));
      if (quote == nullptr) {
        at_ = end_;
        fail("JSON ends too early");
      }
      const auto* found = static_cast<const char*>(quote);
      const char* slash = found;
      while (slash > from && slash[-1] == '\\') --slash;
      from = found + 1;
      if ((found - slash) % 2 == 0) break;
    }
    at_ = from;
  }

  std::string_view text_;
  const LineCounter& lines_;
  const std::string& file_;
  const char* at_;
  const char* end_;
};

}  // namespace

JsonOrigin LineCounter::origin(const std::string& file, int64_t byte) const {
  std::call_once(counted_, [&] {
    int64_t newlines = 0;
    for (size_t at = 0; at <= text_.size(); at += kBlockBytes) {
      before_.push_back(newlines);
      const std::string_view block = text_.substr(at, kBlockBytes);
      newlines += std::count(block.begin(), block.end(), '\n');
    }
  });
  const int64_t block = byte / kBlockBytes;
  const std::string_view before = text_.substr(0, static_cast<size_t>(byte));
  const std::string_view rest = before.substr(static_cast<size_t>(block * kBlockBytes));
  const size_t newline = before.rfind('\n');
  return {.file = file,
          .line = 1 + before_[static_cast<size_t>(block)] + std::count(rest.begin(), rest.end(), '\n'),
          .byte = byte,
          .column = newline == std::string_view::npos ? byte + 1 : byte - static_cast<int64_t>(newline)};
}

ArrayPlaces::ArrayPlaces(std::string_view text, const LineCounter& lines, const std::string& file) {
  begin_ = ArrayScan(text, lines, file).run(ends_);
}

TextPiece ArrayPlaces::operator[](int64_t index) const {
  const auto number = static_cast<size_t>(index);
  return {number == 0 ? begin_ : ends_[number - 1] + 1, ends_[number]};
}

LinePlaces::LinePlaces(std::string_view text) : text_(text) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) begins_.push_back(static_cast<int64_t>(at));
    at = end + 1;
  }
}

TextPiece LinePlaces::operator[](int64_t index) const {
  const auto begin = static_cast<size_t>(begins_[static_cast<size_t>(index)]);
  const size_t end = std::min(text_.find('\n', begin), text_.size());
  const bool carriage = end > begin && text_[end - 1] == '\r';
  return {static_cast<int64_t>(begin), static_cast<int64_t>(end - (carriage ? 1 : 0))};
}

}  // namespace magma
