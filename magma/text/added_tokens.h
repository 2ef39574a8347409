// Added tokens: texts that are one token wherever they stand, found before the text is split into words.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "magma/text/vocabulary.h"

namespace magma {

struct AddedToken {
  TokenId id = kNoToken;
  std::string content{};
  bool special = true;      // control: only trusted text may spell it
  bool normalized = false;  // looked for after the others
};

// A stretch of text: one added token, or plain (kNoToken).
struct TextSegment {
  size_t begin, end;
  TokenId id;
};

class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(const std::vector<AddedToken>& tokens);

  // Whether the special token found at [begin, end) counts; else the text there is read on from its second byte.
  using Allowed = std::function<bool(size_t begin, size_t end)>;
  // The segments of `text` in order, none empty. Leftmost first, the longest that counts at equal start.
  std::vector<TextSegment> split(std::string_view text, const Allowed& special_counts) const;

 private:
  // One set of contents, sorted by their bytes.
  class Matcher {
   public:
    void add(const AddedToken& token) { tokens_.push_back(token); }
    void sort();
    void split(std::string_view text, TextSegment plain, const Allowed& allowed, std::vector<TextSegment>& out) const;
    bool empty() const { return tokens_.empty(); }

   private:
    TextSegment longest_at(std::string_view text, TextSegment plain, const Allowed& allowed) const;
    std::vector<AddedToken> tokens_;
    std::array<bool, 256> starts_{};  // first bytes
  };
  std::array<Matcher, 2> matchers_;  // in order: as written, after normalisation
};

}  // namespace magma
