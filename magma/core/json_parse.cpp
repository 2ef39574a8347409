#include <algorithm>
#include <iterator>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"
#include "magma/core/utf8.h"

namespace magma {
namespace {

// Walks the text and tells the handler how far the parser has come.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** reached) : at_(at), reached_(reached) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *reached_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  const char** reached_;
};

// Builds the value while it is read, so that nothing refused is ever held. Method names are nlohmann's SAX interface.
class StrictHandler {
 public:
  StrictHandler(std::string_view text, const JsonOrigin& origin, const JsonLimits& most)
      : text_(text), origin_(origin), most_(most), reached_(text.data()) {}

  const char** reached() { return &reached_; }
  Json take() { return std::move(root_); }

  bool null() { return place(nullptr); }
  bool boolean(bool value) { return place(value); }
  bool number_integer(int64_t value) { return place(value); }
  bool number_unsigned(uint64_t value) { return place(value); }
  bool number_float(double value, const std::string& digits) {
    if (most_.rounds_large_integers || digits.find_first_of(".eE") != std::string::npos) return place(value);
    fail("integer does not fit 64 bits", digits);  // the parser would have rounded it
  }
  bool string(std::string& value) { return place(std::move(value)); }
  bool binary(Json::binary_t& /*value*/) { fail("binary values are not JSON", ""); }

  bool start_object(std::size_t /*size*/) { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    Json& object = *open_.back();
    if (object.contains(name)) fail("key appears twice in one object", name);
    member_ = &object[name];
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/, const Json::exception& error) {
    constexpr int kNumberOverflow = 406;
    const size_t at = position == 0 ? 0 : position - 1;  // the parser counts from 1
    if (error.id == kNumberOverflow) fail_at(at, ErrorCode::Malformed, "number too large", "");
    if (at >= text_.size()) fail_at(text_.size(), ErrorCode::Malformed, "JSON ends too early", "");
    constexpr size_t kShown = 16;
    fail_at(at, ErrorCode::Malformed, "not valid JSON", std::string(text_.substr(at, kShown)));
  }

  [[noreturn]] void fail_at(size_t byte, ErrorCode code, std::string what, std::string got) const {
    const std::string_view before = text_.substr(0, byte);
    const int64_t line = origin_.line + std::count(before.begin(), before.end(), '\n');
    const size_t newline = before.rfind('\n');
    const auto column = static_cast<int64_t>(newline == std::string_view::npos ? byte : byte - newline - 1) +
                        (newline == std::string_view::npos ? origin_.column : 1);
    throw Error(code, {.file = origin_.file,
                       .where = fmt::format("{}:{} (byte {})", line, column, origin_.byte + static_cast<int64_t>(byte)),
                       .what = std::move(what),
                       .got = std::move(got)});
  }

 private:
  [[noreturn]] void fail(std::string what, std::string got) const {
    fail_at(position(), ErrorCode::Malformed, std::move(what), std::move(got));
  }
  size_t position() const {
    const auto consumed = static_cast<size_t>(reached_ - text_.data());
    return consumed == 0 ? 0 : consumed - 1;
  }

  Json* insert(Json value) {
    if (++values_ > most_.values) {
      fail_at(position(), ErrorCode::Refused, fmt::format("more than {} JSON values", most_.values), "");
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      open_.back()->push_back(std::move(value));
      return &open_.back()->back();
    }
    *member_ = std::move(value);
    return member_;
  }
  bool place(Json value) {
    insert(std::move(value));
    return true;
  }
  bool open(Json container) {
    if (static_cast<int64_t>(open_.size()) >= most_.depth) {
      fail_at(position(), most_.too_deep, fmt::format("JSON nested deeper than {} levels", most_.depth), "");
    }
    open_.push_back(insert(std::move(container)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  const JsonOrigin& origin_;
  JsonLimits most_;
  const char* reached_;
  Json root_;
  std::vector<Json*> open_;  // an open container never moves: only the deepest one grows
  Json* member_ = nullptr;
  int64_t values_ = 0;
};

}  // namespace

Json parse_json(std::string_view text, const JsonOrigin& origin, const JsonLimits& most) {
  StrictHandler handler(text, origin, most);
  const size_t invalid = find_invalid_utf8(text);
  if (invalid != std::string_view::npos) handler.fail_at(invalid, ErrorCode::Malformed, "not valid UTF-8", "");
  if (text.starts_with("\xEF\xBB\xBF")) handler.fail_at(0, ErrorCode::Malformed, "starts with a byte order mark", "");
  const CountingIterator begin(text.data(), handler.reached());
  const CountingIterator end(text.data() + text.size(), handler.reached());
  Json::sax_parse(begin, end, &handler);  // every failure has been thrown by the handler
  return handler.take();
}

Json parse_json(std::string_view text, const std::string& file) {
  return parse_json(text, JsonOrigin{.file = file}, {.depth = limits().json_depth, .values = limits().json_values});
}

Json read_json(const Path& path) { return parse_json(read_file(path, limits().json_bytes), path.string()); }

Json read_json_with_large_integers(const Path& path) {
  const JsonLimits most{.depth = limits().json_depth, .values = limits().json_values, .rounds_large_integers = true};
  return parse_json(read_file(path, limits().json_bytes), JsonOrigin{.file = path.string()}, most);
}

}  // namespace magma
