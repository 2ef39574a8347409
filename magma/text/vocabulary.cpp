#include "magma/text/vocabulary.h"

#include <array>
#include <bit>
#include <cstring>
#include <set>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/utf8.h"

namespace magma {
namespace {

constexpr uint32_t kAlphabetEnd = 0x100 + 68;  // 68 bytes are not printable and take the characters from U+0100 on
constexpr size_t kMostBytes = size_t{1} << 30;

bool spells_itself(uint32_t byte) { return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174; }

// Byte of each character of the alphabet; -1: not in it.
std::array<int16_t, kAlphabetEnd> make_alphabet() {
  std::array<int16_t, kAlphabetEnd> bytes{};
  bytes.fill(-1);
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 0x100; ++byte) bytes[spells_itself(byte) ? byte : next++] = static_cast<int16_t>(byte);
  return bytes;
}

uint64_t mixed(uint64_t hash, uint64_t part) {
  hash = (hash ^ part) * 0xD6E8FEB86659FD93ULL;
  return hash ^ (hash >> 32U);
}

uint32_t hash_of(std::string_view bytes) {
  uint64_t hash = bytes.size(), part = 0;
  for (; bytes.size() >= sizeof part; bytes.remove_prefix(sizeof part)) {
    std::memcpy(&part, bytes.data(), sizeof part);
    hash = mixed(hash, part);
  }
  part = 0;
  if (!bytes.empty()) std::memcpy(&part, bytes.data(), bytes.size());
  return static_cast<uint32_t>(mixed(hash, part));
}

}  // namespace

std::optional<std::string> bytes_of_spelling(std::string_view spelled) {
  static const std::array<int16_t, kAlphabetEnd> alphabet = make_alphabet();
  std::string bytes;
  bytes.reserve(spelled.size());
  for (size_t at = 0; at < spelled.size();) {
    if (spells_itself(static_cast<unsigned char>(spelled[at])) && spelled[at] > 0) {
      bytes.push_back(spelled[at++]);
      continue;
    }
    const Utf8Character next = utf8_character(spelled, at);
    if (next.length == 0 || next.code_point >= kAlphabetEnd || alphabet[next.code_point] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(alphabet[next.code_point]));
    at += next.length;
  }
  return bytes;
}

Vocabulary::Vocabulary(std::span<const std::string> spelled, std::span<const TokenId> never_found) {
  std::vector<bool> hidden(spelled.size());
  for (const TokenId id : never_found) hidden.at(static_cast<size_t>(id)) = true;
  slots_.resize(std::bit_ceil(spelled.size() * 2 + 1));
  begins_.reserve(spelled.size() + 1);
  std::set<std::string_view> others;  // that are not to be found
  for (size_t i = 0; i < spelled.size(); ++i) {
    const auto where = [i] { return fmt::format("token {}", i); };
    if (spelled[i].empty()) throw Error(ErrorCode::Malformed, {.where = where(), .what = "empty token"});
    const std::optional<std::string> bytes = bytes_of_spelling(spelled[i]);
    all_ += bytes ? *bytes : spelled[i];
    if (all_.size() > kMostBytes) throw Error(ErrorCode::Refused, {.where = where(), .what = "vocabulary too large"});
    begins_.push_back(static_cast<uint32_t>(all_.size()));
    const bool findable = bytes && !hidden[i];
    words_.push_back(findable);
    const Key key = findable ? key_of(*bytes) : Key{};
    Slot* slot = findable ? &slots_[slot_of(*bytes, key)] : nullptr;
    if (findable ? slot->id != kNoToken : !others.insert(spelled[i]).second) {
      throw Error(ErrorCode::Malformed, {.where = where(), .what = "token appears twice", .got = spelled[i]});
    }
    if (findable) *slot = {key, static_cast<TokenId>(i)};
  }
}

Vocabulary::Key Vocabulary::key_of(std::string_view bytes) {
  Key key{};
  const bool is_short = bytes.size() < key.size();
  key.back() = static_cast<char>(is_short ? bytes.size() : key.size());
  const uint32_t hash = is_short ? 0 : hash_of(bytes);
  std::memcpy(key.data(), is_short ? static_cast<const void*>(bytes.data()) : &hash,
              is_short ? bytes.size() : sizeof hash);
  return key;
}

size_t Vocabulary::slot_of(std::string_view wanted, const Key& key) const {
  const bool is_long = key.back() == static_cast<char>(key.size());
  const size_t last = slots_.size() - 1;
  size_t at = hash_of({key.data(), key.size()}) & last;
  for (; slots_[at].id != kNoToken; at = (at + 1) & last) {
    if (slots_[at].key == key && (!is_long || bytes(slots_[at].id) == wanted)) break;
  }
  return at;
}

std::string_view Vocabulary::bytes(TokenId id) const {
  MAGMA_CHECK(id >= 0 && id < size(), "token {} of {}", id, size());
  const auto index = static_cast<size_t>(id);
  return std::string_view(all_).substr(begins_[index], begins_[index + 1] - begins_[index]);
}

void Vocabulary::prefetch(std::string_view wanted) const {
  const Key key = key_of(wanted);
  if (!slots_.empty()) __builtin_prefetch(&slots_[hash_of({key.data(), key.size()}) & (slots_.size() - 1)]);
}

TokenId Vocabulary::find(std::string_view wanted) const {
  return slots_.empty() || wanted.empty() ? kNoToken : slots_[slot_of(wanted, key_of(wanted))].id;
}

}  // namespace magma
