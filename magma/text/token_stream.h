// TokenStream: token ids to text while they are generated. What push() and finish() return, joined, is the text of all
// the ids; nothing returned is ever taken back.
#pragma once

#include <string>

#include "magma/text/tokenizer.h"

namespace magma {

class TokenStream {
 public:
  // `tokenizer` must outlive the stream.
  TokenStream(const Tokenizer& tokenizer, DecodeOptions options) : tokenizer_(&tokenizer), options_(options) {}

  // The text that is certain now. Held back: a UTF-8 character that is not complete; with clean-up also the last
  // characters while what follows decides about a space in them.
  std::string push(TokenId id);
  std::string finish();  // the rest, an incomplete character as U+FFFD

 private:
  std::string take_clean(bool all);
  const Tokenizer* tokenizer_;
  DecodeOptions options_;
  std::string bytes_;  // not decoded yet: less than one character
  std::string text_;   // decoded, not returned yet
};

// The replacements of clean_up_tokenization_spaces, in their order.
std::string clean_up_spaces(std::string text);

}  // namespace magma
