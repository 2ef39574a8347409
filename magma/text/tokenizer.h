// Tokenizer: text to token ids and back, as Hugging Face `tokenizers` does it for byte-level BPE. Source: model.md 6.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "magma/text/added_tokens.h"
#include "magma/text/bpe.h"
#include "magma/text/split_words.h"

namespace magma {

// A stretch of a prompt. Special tokens spelled in trusted text (the chat template's, the program's own placeholders)
// become those tokens; spelled in any other text (a user's, a tool's, a model's) they stay plain text.
struct TextPart {
  std::string text;
  bool trusted = false;
};
using PromptText = std::vector<TextPart>;

struct TokenizerRules {
  WordRules words = WordRules::Llama3;
  std::vector<AddedToken> added{};  // ids below the vocabulary's size rename its entries, the others follow it
  std::vector<TokenId> first{};     // put around every text by the post-processor
  std::vector<TokenId> last{};
  bool clean_up = false;  // clean_up_tokenization_spaces
};

struct DecodeOptions {
  bool skip_special = false;
  bool clean_up = false;  // take the space before punctuation and contractions away
};

class Tokenizer {
 public:
  // Error(Malformed) when ids of added tokens repeat or leave a gap.
  Tokenizer(Bpe bpe, TokenizerRules rules);

  // The same words with other rules.
  Tokenizer with_rules(TokenizerRules rules) && { return Tokenizer(std::move(bpe_), std::move(rules)); }

  // Bytes the vocabulary has no token for are left out, as the reference does, and a warning says so.
  // The parts are one text: words may reach from one into the next, special tokens only lie within one. `automatic`
  // adds what the post-processor adds, also where the template has it already (two BOS, as the reference has).
  std::vector<TokenId> encode(const PromptText& prompt, bool automatic) const;
  std::vector<TokenId> encode(std::string_view text, bool trusted, bool automatic) const;

  // Bytes that are not UTF-8 become U+FFFD. Ids without a token (rows of the embedding beyond it) give nothing.
  std::string decode(std::span<const TokenId> ids, DecodeOptions options) const;
  DecodeOptions answer_options() const { return {.skip_special = true, .clean_up = rules_.clean_up}; }

  TokenId size() const { return static_cast<TokenId>(base_size() + more_.size()); }  // ids are 0 .. size - 1
  TokenId base_size() const { return bpe_.vocabulary().size(); }  // without added tokens: robot actions end there
  TokenId find(std::string_view added_content) const;             // id of an added token, or kNoToken
  std::string_view bytes(TokenId id) const;                       // empty: no such token
  bool special(TokenId id) const;
  const TokenizerRules& rules() const { return rules_; }
  void set_clean_up(bool on) { rules_.clean_up = on; }
  const Bpe& bpe() const { return bpe_; }

 private:
  Bpe bpe_;
  TokenizerRules rules_;
  AddedTokens added_;
  std::vector<std::string> more_;  // contents of ids from base_size() on
  std::vector<bool> special_;      // by id
};

}  // namespace magma
