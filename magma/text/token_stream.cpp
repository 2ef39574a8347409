#include "magma/text/token_stream.h"

#include <algorithm>
#include <utility>

#include "magma/core/utf8.h"

namespace magma {
namespace {

constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";
constexpr std::pair<std::string_view, std::string_view> kCleanUps[] = {
    {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
    {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
// Last characters of every beginning of the patterns above. All that the replacements delete is spaces, so after any
// other character no pattern can reach over, in whatever order they apply.
constexpr std::string_view kUndecided = " 'nvr";

struct ByteRange {
  unsigned char low, high;
};

// What may follow a lead byte (Unicode, table 3-7).
ByteRange second_byte(unsigned char lead) {
  switch (lead) {
    case 0xE0:
      return {0xA0, 0xBF};
    case 0xED:
      return {0x80, 0x9F};
    case 0xF0:
      return {0x90, 0xBF};
    case 0xF4:
      return {0x80, 0x8F};
    default:
      return {0x80, 0xBF};
  }
}

// Bytes at the start of `text`, which is no whole character, that are the beginning of one; at least 1.
size_t beginning_of_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0xC2 || byte(0) > 0xF4) return 1;
  const size_t length = byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
  size_t have = 1;
  while (have < std::min(length, text.size())) {
    const ByteRange range = have == 1 ? second_byte(byte(0)) : ByteRange{0x80, 0xBF};
    if (byte(have) < range.low || byte(have) > range.high) break;
    ++have;
  }
  return have;
}

bool may_go_on(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  return lead >= 0xC2 && lead <= 0xF4 && beginning_of_character(text) == text.size();
}

// Moves what is certain from `bytes` to the end of `text`; one U+FFFD for each beginning of a character that breaks
// off.
void decode_utf8(std::string& bytes, std::string& text, bool at_end) {
  size_t at = 0;
  while (at < bytes.size()) {
    const size_t length = utf8_character(bytes, at).length;
    const std::string_view rest = std::string_view(bytes).substr(at);
    if (length > 0) {
      text.append(rest.substr(0, length));
      at += length;
      continue;
    }
    if (!at_end && may_go_on(rest)) break;
    text.append(kReplacementCharacter);
    at += beginning_of_character(rest);
  }
  bytes.erase(0, at);
}

}  // namespace

std::string clean_up_spaces(std::string text) {
  for (const auto& [from, to] : kCleanUps) {
    std::string cleaned;
    size_t copied = 0;
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, copied)) {
      cleaned.append(text, copied, at - copied).append(to);
      copied = at + from.size();
    }
    if (copied > 0) text = cleaned.append(text, copied);
  }
  return text;
}

std::string TokenStream::push(TokenId id) {
  if (options_.skip_special && tokenizer_->special(id)) return {};
  bytes_ += tokenizer_->bytes(id);
  decode_utf8(bytes_, text_, false);
  return take_clean(false);
}

std::string TokenStream::finish() {
  decode_utf8(bytes_, text_, true);
  return take_clean(true);
}

std::string TokenStream::take_clean(bool all) {
  if (!options_.clean_up) return std::exchange(text_, {});
  const size_t last_certain = text_.find_last_not_of(kUndecided);
  const size_t certain = all ? text_.size() : last_certain == std::string::npos ? 0 : last_certain + 1;
  std::string text = clean_up_spaces(text_.substr(0, certain));
  text_.erase(0, certain);
  return text;
}

}  // namespace magma
