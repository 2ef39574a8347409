// Vocabulary: tokens by id and by their bytes, for byte-level tokenizers. Source: model.md 6.2 step 3.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace magma {

using TokenId = int32_t;
constexpr TokenId kNoToken = -1;

// The byte-level alphabet spells every byte as one printable character: "Ġ" is a space. nullopt for other characters.
std::optional<std::string> bytes_of_spelling(std::string_view spelled);

class Vocabulary {
 public:
  Vocabulary() = default;
  // By id, in the byte-level alphabet; an entry spelled otherwise is its own bytes. Entries of `never_found` (control
  // tokens that share the list) are not words: find() passes them over. Error(Malformed) naming the id of an entry
  // that is empty or there twice.
  Vocabulary(std::span<const std::string> spelled, std::span<const TokenId> never_found);

  TokenId size() const { return static_cast<TokenId>(begins_.size()) - 1; }
  std::string_view bytes(TokenId id) const;
  TokenId find(std::string_view bytes) const;   // kNoToken: no word has these bytes
  void prefetch(std::string_view bytes) const;  // they will be looked for soon
  bool is_word(TokenId id) const { return words_[static_cast<size_t>(id)]; }

 private:
  // A short token's bytes and their number, so that finding it touches one place in memory; of a long one its hash.
  using Key = std::array<char, 12>;
  struct Slot {
    Key key{};
    TokenId id = kNoToken;
  };
  static Key key_of(std::string_view bytes);
  size_t slot_of(std::string_view bytes, const Key& key) const;  // where it is, or the free one where it belongs

  std::string all_;                  // the bytes of all tokens, one after the other
  std::vector<uint32_t> begins_{0};  // [size + 1]
  std::vector<bool> words_;          // [size], what find() finds
  std::vector<Slot> slots_;          // open addressing, a power of two, at most half full
};

}  // namespace magma
