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

uint32_t hash_of(std::string_view bytes) {
  uint64_t hash = bytes.size() * 0x9E3779B97F4A7C15ULL;
  const auto mix = [&hash](uint64_t part) {
    hash = (hash ^ part) * 0xD6E8FEB86659FD93ULL;
    hash ^= hash >> 32U;
  };
  uint64_t part = 0;
  for (; bytes.size() >= sizeof part; bytes.remove_prefix(sizeof part)) {
    std::memcpy(&part, bytes.data(), sizeof part);
    mix(part);
  }
  part = 0;
  if (!bytes.empty()) std::memcpy(&part, bytes.data(), bytes.size());
  mix(part);
  return static_cast<uint32_t>(hash);
}

}  // namespace

std::optional<std::string> bytes_of_spelling(std::string_view spelled) {
  static const std::array<int16_t, kAlphabetEnd> alphabet = make_alphabet();
  std::string bytes;
  bytes.reserve(spelled.size());
  for (size_t at = 0; at < spelled.size();) {
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
    if (findable ? find(*bytes) != kNoToken : !others.insert(spelled[i]).second) {
      throw Error(ErrorCode::Malformed, {.where = where(), .what = "token appears twice", .got = spelled[i]});
    }
    if (findable) insert(static_cast<TokenId>(i));
  }
}

void Vocabulary::insert(TokenId id) {
  const uint32_t hash = hash_of(bytes(id));
  size_t at = hash & (slots_.size() - 1);
  while (slots_[at].id != kNoToken) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {hash, id};
}

std::string_view Vocabulary::bytes(TokenId id) const {
  MAGMA_CHECK(id >= 0 && id < size(), "token {} of {}", id, size());
  const auto index = static_cast<size_t>(id);
  return std::string_view(all_).substr(begins_[index], begins_[index + 1] - begins_[index]);
}

TokenId Vocabulary::find(std::string_view wanted) const {
  if (slots_.empty()) return kNoToken;
  const uint32_t hash = hash_of(wanted);
  for (size_t at = hash & (slots_.size() - 1); slots_[at].id != kNoToken; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].hash == hash && bytes(slots_[at].id) == wanted) return slots_[at].id;
  }
  return kNoToken;
}

}  // namespace magma
