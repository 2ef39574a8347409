#include "magma/action/grounding.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace magma {
namespace {

constexpr size_t kLongest = 4096;
constexpr double kLargest = 1e6;
constexpr double kAlmostOne = 1.005;  // rounding of the last digit

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

// Full-width forms, U+FF01 to U+FF5E, become ASCII.
std::string with_plain_digits(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](size_t k) { return i + k < text.size() ? static_cast<uint8_t>(text[i + k]) : 0U; };
    const uint32_t code = (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);  // of U+F000 on
    if (byte(0) == 0xEF && (byte(1) == 0xBC || byte(1) == 0xBD) && code >= 0xF01 && code <= 0xF5E) {
      plain += static_cast<char>(code - 0xF01 + '!');
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

struct Number {
  double value = 0;
  bool percent = false;
};

// Reads from the front of a text; every step says whether it matched and, if not, leaves the text as it was.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }
  std::string_view rest() const { return text_; }
  void advance() { text_.remove_prefix(1); }

  bool skip(std::string_view expected) {
    spaces();
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }

  bool number(Number& result) {
    spaces();
    const bool starts =
        !text_.empty() && (is_digit(text_[0]) || (text_[0] == '-' && text_.size() > 1 && is_digit(text_[1])));
    if (!starts) return false;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), result.value);
    if (error != std::errc()) result.value = HUGE_VAL;  // beyond a double; refused by its size
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    result.percent = skip("%");
    return true;
  }

  // "(a, b)" or "[a, b, c, d]"
  bool bracketed(std::vector<Number>& numbers) {
    const std::string_view before = text_;
    const bool round = skip("(");
    if (round || skip("[")) {
      numbers.clear();
      Number number_read;
      while (numbers.size() < 5 && number(number_read)) {
        numbers.push_back(number_read);
        if (!skip(",")) break;
      }
      if ((numbers.size() == 2 || numbers.size() == 4) && skip(round ? ")" : "]")) return true;
    }
    text_ = before;
    return false;
  }

 private:
  void spaces() {
    while (!text_.empty() && is_space(text_.front())) text_.remove_prefix(1);
  }

  std::string_view text_;
};

// The marks named; their words are blanked so that their digits are no coordinates.
std::vector<int64_t> take_marks(std::string& text) {
  constexpr std::string_view kWord = "mark";
  std::vector<int64_t> marks;
  for (size_t at = 0; at + kWord.size() < text.size(); ++at) {
    const bool word = std::equal(kWord.begin(), kWord.end(), text.begin() + static_cast<std::ptrdiff_t>(at),
                                 [](char a, char b) { return a == (b | 0x20); });
    if (!word || (at > 0 && is_letter(text[at - 1]))) continue;
    size_t end = at + kWord.size();
    while (end < text.size() && (is_space(text[end]) || text[end] == ':' || text[end] == '#')) ++end;
    int64_t mark = 0;
    const char* last = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + end, last, mark);
    if (error != std::errc() || mark < 0 || mark > static_cast<int64_t>(kLargest)) continue;
    if (std::find(marks.begin(), marks.end(), mark) == marks.end()) marks.push_back(mark);
    std::fill(text.data() + at, text.data() + (stop - text.data()), ' ');
  }
  return marks;
}

// "<box>(x1,y1),(x2,y2)</box>", thousandths
std::vector<Number> box_tag(std::string_view text) {
  const size_t at = text.find("<box>");
  if (at == std::string_view::npos) return {};
  Scanner scanner(text.substr(at));
  std::vector<Number> first, second;
  const bool whole = scanner.skip("<box>") && scanner.bracketed(first) && scanner.skip(",") &&
                     scanner.bracketed(second) && scanner.skip("</box>");
  if (!whole || first.size() != 2 || second.size() != 2) return {};
  first.insert(first.end(), second.begin(), second.end());
  for (Number& number : first) number.value /= 1000;
  return first;
}

std::vector<Number> first_bracketed(std::string_view text) {
  std::vector<Number> numbers;
  for (Scanner scanner(text); !scanner.at_end(); scanner.advance()) {
    if (scanner.bracketed(numbers)) return numbers;
    if (scanner.at_end()) break;
  }
  return {};
}

std::vector<Number> all_numbers(std::string_view text) {
  std::vector<Number> numbers;
  Scanner scanner(text);
  while (!scanner.at_end()) {
    Number number;
    if (scanner.number(number)) {
      numbers.push_back(number);
    } else if (!scanner.at_end()) {
      scanner.advance();
    }
  }
  return numbers;
}

std::optional<Frame> frame_of(std::vector<Number>& numbers, NumberScale scale) {
  const auto all = [&](auto holds) { return std::all_of(numbers.begin(), numbers.end(), holds); };
  if (!all([](const Number& n) { return n.value >= 0 && n.value <= kLargest; })) return std::nullopt;
  if (all([](const Number& n) { return n.percent && n.value <= 100; })) {
    for (Number& number : numbers) number.value /= 100;
    return Frame::Relative;
  }
  if (!all([](const Number& n) { return !n.percent; })) return std::nullopt;
  if (all([](const Number& n) { return n.value <= kAlmostOne; })) {
    for (Number& number : numbers) number.value = std::min(number.value, 1.0);
    return Frame::Relative;
  }
  if (scale == NumberScale::Pixels) return Frame::Original;
  if (scale == NumberScale::Unknown || !all([](const Number& n) { return n.value <= 1000; })) return std::nullopt;
  for (Number& number : numbers) number.value /= 1000;
  return Frame::Relative;
}

}  // namespace

Grounding read_grounding(std::string_view text, NumberScale scale) {
  Grounding result;
  if (text.size() > kLongest) {
    result.why_not = "the answer is too long to point at something";
    return result;
  }
  std::string plain = with_plain_digits(text);
  const std::vector<int64_t> marks = take_marks(plain);
  if (marks.size() > 1) {
    result.why_not = "several marks";
    return result;
  }
  if (!marks.empty()) result.mark = marks.front();
  std::vector<Number> numbers = box_tag(plain);
  if (numbers.empty()) numbers = first_bracketed(plain);
  if (numbers.empty()) numbers = all_numbers(plain);
  if (numbers.empty()) {
    if (!result.mark) result.why_not = "no number";
    return result;
  }
  const bool right_count = numbers.size() == 2 || numbers.size() == 4;
  const auto frame = right_count ? frame_of(numbers, scale) : std::nullopt;
  if (!frame) {
    if (!result.mark) result.why_not = right_count ? "numbers of an unknown scale" : "neither a point nor a box";
    return result;
  }
  const size_t last = numbers.size() - 2;
  const FramedPoint begin{*frame, numbers[0].value, numbers[1].value};
  const FramedPoint end{*frame, numbers[last].value, numbers[last + 1].value};
  result.point = FramedPoint{*frame, (begin.x + end.x) / 2, (begin.y + end.y) / 2};
  if (last > 0) result.box = {begin, end};
  return result;
}

}  // namespace magma
