// Byte-pair encoding of one word: the pair of lowest rank is merged first, the leftmost of equals. Source:
// model.md 6.2.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "magma/text/vocabulary.h"

namespace magma {

// What a byte is that has no token: it gives no id in either case.
enum class MissingByte {
  Dropped,   // its neighbours may merge, as in Hugging Face tokenizers
  Separates  // as in llama.cpp
};

struct BpeRules {
  bool ignore_merges = false;  // a word that is a token is that token, whether or not merges lead to it
  MissingByte missing_byte = MissingByte::Dropped;
};

struct MergeText {
  std::string left{}, right{};  // in the byte-level alphabet
};

class Bpe {
 public:
  Bpe(Vocabulary vocabulary, BpeRules rules);

  // In order of rank. Error(Malformed) when a part or the result is not a token, or the pair is there already; its
  // `where` is the number of the merge, from 0. Faster for many at once: memory is asked for ahead.
  void add_merges(std::span<const MergeText> merges);
  void add_merge(std::string_view line);  // "left right"

  // Appends the tokens of `word`; returns how many of its bytes have none. Time grows as n log n with its length.
  // Safe from several threads.
  size_t encode(std::string_view word, std::vector<TokenId>& ids) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  bool has_every_byte() const;

 private:
  struct Merge {
    uint32_t rank;
    TokenId result;
  };
  struct Slot {
    uint64_t pair;
    Merge merge;
  };
  enum class Reachable : uint8_t { Unknown, Yes, No };

  Merge find_merge(TokenId left, TokenId right) const;
  Merge find_merge(uint64_t pair) const;
  void add_block(std::span<const MergeText> merges);
  TokenId result_of(std::string_view bytes);
  void insert(const Slot& slot);
  void grow();
  bool is_whole(TokenId id, std::string_view word) const;
  size_t encode_parts(std::string_view word, std::vector<TokenId>& ids) const;
  void merge_bytes(std::string_view bytes, std::vector<TokenId>& ids) const;
  void merge_short(std::string_view bytes, std::vector<TokenId>& ids) const;
  void merge_long(std::string_view bytes, std::vector<TokenId>& ids) const;

  Vocabulary vocabulary_;
  BpeRules rules_;
  std::array<TokenId, 256> byte_tokens_{};
  std::vector<Slot> merges_;  // open addressing, a power of two
  uint32_t merge_count_ = 0;
  TokenId last_result_ = 0;
  // Whether merging a token's own bytes gives that token back; found out when first asked.
  std::unique_ptr<std::atomic<Reachable>[]> reachable_;
};

}  // namespace magma
