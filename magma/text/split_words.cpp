#include "magma/text/split_words.h"

#include <array>
#include <limits>

#include "magma/core/check.h"
#include "magma/core/utf8.h"
#include "magma/text/unicode_classes.h"

namespace magma {
namespace {

constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLongS = "\xC5\xBF";  // U+017F folds to "s"
constexpr size_t kUnbounded = std::numeric_limits<size_t>::max();

constexpr std::array<TextClass, 128> kAsciiClasses = [] {
  std::array<TextClass, 128> classes{};
  for (size_t byte = 0; byte < classes.size(); ++byte) {
    const bool letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
    if (letter) classes[byte] = TextClass::Letter;
    if (byte >= '0' && byte <= '9') classes[byte] = TextClass::Number;
    if (byte == ' ' || (byte >= '\t' && byte <= '\r')) classes[byte] = TextClass::Space;
  }
  return classes;
}();

struct Character {
  size_t length;
  TextClass kind;
};

Character character(std::string_view text, size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < kAsciiClasses.size()) return {1, kAsciiClasses[byte]};
  const Utf8Character decoded = utf8_character(text, at);
  if (decoded.length == 0) return {1, TextClass::Other};
  return {decoded.length, text_class(decoded.code_point)};
}

bool is_newline(char byte) { return byte == '\n' || byte == '\r'; }

// The end of at most `most` characters of one kind.
size_t skip(TextClass kind, std::string_view text, size_t at, size_t most = kUnbounded) {
  for (; at < text.size() && most > 0; --most) {
    const Character next = character(text, at);
    if (next.kind != kind) break;
    at += next.length;
  }
  return at;
}

// Bytes of the contraction that starts with the apostrophe at `at`; 0: none.
size_t contraction(std::string_view text, size_t at, bool any_case) {
  const auto letter = [&](size_t offset) {
    if (at + offset >= text.size()) return '\0';
    const char byte = text[at + offset];
    return any_case && byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
  };
  const char first = letter(1), second = letter(2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if ((first == 'r' || first == 'v') && second == 'e') return 3;
  if (first == 'l' && second == 'l') return 3;
  if (any_case && text.substr(at + 1).starts_with(kLongS)) return 1 + kLongS.size();
  return 0;
}

struct SpaceRules {
  bool cut_after_newline;        // the last CR or LF of the run ends the word
  bool number_ends_the_segment;  // SmolLm: numbers are cut out first
};

// `\s*[\r\n]+|\s+(?!\S)|\s+`: a run leaves its last character to the word after it.
size_t space_end(std::string_view text, size_t begin, SpaceRules rules) {
  size_t end = begin, last = begin, newline_end = begin;
  while (end < text.size()) {
    const Character next = character(text, end);
    if (next.kind != TextClass::Space) {
      if (rules.number_ends_the_segment && next.kind == TextClass::Number) last = begin;
      break;
    }
    last = end;
    end += next.length;
    if (is_newline(text[last])) newline_end = end;
  }
  if (rules.cut_after_newline && newline_end > begin) return newline_end;
  return end < text.size() && last > begin ? last : end;
}

size_t llama3_end(std::string_view text, size_t begin, size_t digits) {
  if (text[begin] == '\'') {
    if (const size_t length = contraction(text, begin, true); length > 0) return begin + length;
  }
  const Character first = character(text, begin);
  if (first.kind == TextClass::Letter) return skip(TextClass::Letter, text, begin);
  if (first.kind == TextClass::Number) return skip(TextClass::Number, text, begin, digits);
  if (!is_newline(text[begin])) {
    const size_t letters = begin + first.length;
    const size_t end = skip(TextClass::Letter, text, letters);
    if (end > letters) return end;
  }
  const size_t symbols = begin + (text[begin] == ' ' ? 1 : 0);
  size_t end = skip(TextClass::Other, text, symbols);
  if (end == symbols) return space_end(text, begin, {.cut_after_newline = true, .number_ends_the_segment = false});
  while (end < text.size() && is_newline(text[end])) ++end;
  return end;
}

size_t gpt2_end(std::string_view text, size_t begin, bool digits_apart) {
  if (text[begin] == '\'') {
    if (const size_t length = contraction(text, begin, false); length > 0) return begin + length;
  }
  const size_t after_space = begin + (text[begin] == ' ' ? 1 : 0);
  if (after_space < text.size()) {
    const Character first = character(text, after_space);
    if (digits_apart && first.kind == TextClass::Number) return after_space + (after_space == begin ? first.length : 0);
    if (first.kind != TextClass::Space) return skip(first.kind, text, after_space);
  }
  return space_end(text, begin, {.cut_after_newline = false, .number_ends_the_segment = digits_apart});
}

}  // namespace

std::string_view word_rules_name(WordRules rules) {
  constexpr std::array<std::string_view, 4> kNames = {"llama-3", "qwen2", "gpt-2", "smollm"};
  return kNames[static_cast<size_t>(rules)];
}

std::optional<WordRules> word_rules_of_pattern(std::string_view regex) {
  if (regex == kLlama3Pattern) return WordRules::Llama3;
  if (regex == kQwen2Pattern) return WordRules::Qwen2;
  if (regex == kGpt2Pattern) return WordRules::Gpt2;
  return std::nullopt;
}

std::optional<WordRules> word_rules_of_gguf(std::string_view name) {
  if (name == "llama-bpe" || name == "llama3" || name == "llama-v3") return WordRules::Llama3;
  if (name == "qwen2") return WordRules::Qwen2;
  if (name == "gpt-2" || name == "gpt2") return WordRules::Gpt2;
  if (name == "smollm") return WordRules::SmolLm;
  return std::nullopt;
}

size_t word_end(WordRules rules, std::string_view segment, size_t begin) {
  MAGMA_CHECK(begin < segment.size(), "no word begins at the end of the text");
  constexpr size_t kLlama3Digits = 3;
  switch (rules) {
    case WordRules::Llama3:
      return llama3_end(segment, begin, kLlama3Digits);
    case WordRules::Qwen2:
      return llama3_end(segment, begin, 1);
    case WordRules::Gpt2:
      return gpt2_end(segment, begin, false);
    case WordRules::SmolLm:
      return gpt2_end(segment, begin, true);
  }
  MAGMA_CHECK(false, "word rules {} have no scanner", static_cast<int>(rules));
}

}  // namespace magma
