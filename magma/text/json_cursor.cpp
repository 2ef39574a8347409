#include "magma/text/json_cursor.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/core/utf8.h"

namespace magma {
namespace {

bool is_space(char byte) { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

}  // namespace

JsonCursor::JsonCursor(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {
  at_ = std::min(find_invalid_utf8(text), text.size());
  token_ = at_;
  if (at_ < text.size()) fail("not valid UTF-8");
  at_ = token_ = 0;
}

std::string JsonCursor::where() const {
  const std::string_view before = text_.substr(0, token_);
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? token_ + 1 : token_ - newline;
  return fmt::format("{}:{} (byte {})", 1 + std::count(before.begin(), before.end(), '\n'), column, token_);
}

void JsonCursor::fail(std::string what, std::string expected) const {
  constexpr size_t kShown = 16;
  throw Error(ErrorCode::Malformed, {.file = file_,
                                     .where = where(),
                                     .what = token_ < text_.size() ? std::move(what) : "JSON ends too early",
                                     .expected = std::move(expected),
                                     .got = std::string(text_.substr(std::min(token_, text_.size()), kShown))});
}

char JsonCursor::peek() {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  token_ = at_;
  return at_ < text_.size() ? text_[at_] : '\0';
}

bool JsonCursor::at(char byte) { return peek() == byte && at_ < text_.size(); }

void JsonCursor::expect(char byte) {
  if (!at(byte)) fail("not valid JSON here", std::string(1, byte));
  ++at_;
}

void JsonCursor::open(char bracket) {
  expect(bracket);
  first_ = true;
}

bool JsonCursor::next(char closing) {
  const bool first = first_;
  first_ = false;
  if (at(closing)) {
    ++at_;
    return false;
  }
  if (!first) expect(',');
  return true;
}

bool JsonCursor::next_element() { return next(']'); }

bool JsonCursor::next_member(std::string_view& key) {
  if (!next('}')) return false;
  key = string();
  const size_t begin = token_;
  expect(':');
  token_ = begin;
  return true;
}

std::string_view JsonCursor::string() {
  expect('"');
  const size_t begin = at_;
  for (; at_ < text_.size(); ++at_) {
    const char byte = text_[at_];
    if (byte == '"') return text_.substr(begin, at_++ - begin);
    if (byte == '\\') return unescape(begin);
    if (static_cast<unsigned char>(byte) < 0x20) fail("control character in a string");
  }
  token_ = at_;
  fail("string does not end");
}

std::string_view JsonCursor::unescape(size_t begin) {
  unescaped_.assign(text_.substr(begin, at_ - begin));
  while (at_ < text_.size() && text_[at_] != '"') {
    if (static_cast<unsigned char>(text_[at_]) < 0x20) fail("control character in a string");
    if (text_[at_] == '\\') {
      ++at_;
      append_escaped(unescaped_);
    } else {
      unescaped_.push_back(text_[at_++]);
    }
  }
  if (at_ >= text_.size()) {
    token_ = at_;
    fail("string does not end");
  }
  ++at_;
  return unescaped_;
}

void JsonCursor::append_escaped(std::string& out) {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  const char name = at_ < text_.size() ? text_[at_++] : '\0';
  if (const size_t known = kNames.find(name); known != std::string_view::npos) {
    out.push_back(kValues[known]);
    return;
  }
  if (name != 'u') fail("unknown escape in a string");
  uint32_t code_point = four_digits();
  const bool high = code_point >= 0xD800 && code_point < 0xDC00;
  if (high && text_.substr(at_).starts_with("\\u")) {
    at_ += 2;
    const uint32_t low = four_digits();
    if (low < 0xDC00 || low > 0xDFFF) fail("half of a surrogate pair in a string");
    code_point = 0x10000 + ((code_point - 0xD800) << 10U) + (low - 0xDC00);
  }
  if (code_point >= 0xD800 && code_point <= 0xDFFF) fail("half of a surrogate pair in a string");
  append_utf8(out, code_point);
}

uint32_t JsonCursor::four_digits() {
  constexpr size_t kDigits = 4;
  constexpr int kHexadecimal = 16;
  const std::string_view digits = text_.substr(std::min(at_, text_.size()), kDigits);
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, kHexadecimal);
  if (error != std::errc() || end != digits.data() + kDigits) fail("a \\u escape needs four hexadecimal digits");
  at_ += kDigits;
  return value;
}

int64_t JsonCursor::integer() {
  peek();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
  const auto length = static_cast<size_t>(end - (text_.data() + at_));
  if (error != std::errc() || text_.substr(at_, length) != std::to_string(value)) fail("not an integer", "an integer");
  at_ += length;
  const char after = at_ < text_.size() ? text_[at_] : '\0';
  if (after == '.' || after == 'e' || after == 'E') fail("not an integer", "an integer");
  return value;
}

std::string_view JsonCursor::skip_value() {
  peek();
  const size_t begin = at_;
  int64_t depth = 0;
  do {
    const char byte = peek();
    if (at_ >= text_.size()) fail("value does not end");
    if (byte == '"') {
      string();
      continue;
    }
    ++at_;
    if (byte == '{' || byte == '[') ++depth;
    if (byte == '}' || byte == ']') --depth;
    if (depth > 0 || byte == '}' || byte == ']') continue;
    while (at_ < text_.size() && std::string_view(",:]}\" \n\r\t").find(text_[at_]) == std::string_view::npos) ++at_;
  } while (depth > 0);
  token_ = begin;
  return text_.substr(begin, at_ - begin);
}

Json JsonCursor::value() {
  const std::string_view text = skip_value();
  const std::string_view before = text_.substr(0, token_);
  const JsonOrigin origin{
      .file = file_, .line = 1 + std::count(before.begin(), before.end(), '\n'), .byte = static_cast<int64_t>(token_)};
  return parse_json(text, origin, {.depth = limits().json_depth, .values = limits().json_values});
}

void JsonCursor::finish() {
  peek();
  if (at_ < text_.size()) fail("something follows the document");
}

}  // namespace magma
