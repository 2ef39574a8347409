#include "magma/text/bpe.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <queue>

#include "magma/core/error.h"

namespace magma {
namespace {

constexpr uint64_t kFree = std::numeric_limits<uint64_t>::max();
constexpr uint32_t kNoRank = std::numeric_limits<uint32_t>::max();
constexpr size_t kShortWord = 48;  // bytes; looking at every pair beats a heap below this
constexpr size_t kFirstSlots = 1024;
constexpr size_t kBlock = 32;  // merges whose memory is asked for together

uint64_t pair_of(TokenId left, TokenId right) {
  return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32U) | static_cast<uint32_t>(right);
}

size_t first_slot(uint64_t pair, size_t slots) {
  const uint64_t mixed = (pair ^ (pair >> 31U)) * 0x9E3779B97F4A7C15ULL;
  return static_cast<size_t>(mixed >> 32U) & (slots - 1);
}

Error merge_error(size_t number, const char* what, std::string_view got) {
  return {ErrorCode::Malformed, {.where = std::to_string(number), .what = what, .got = std::string(got)}};
}

size_t byte_index(char byte) { return static_cast<unsigned char>(byte); }

}  // namespace

Bpe::Bpe(Vocabulary vocabulary, BpeRules rules)
    : vocabulary_(std::move(vocabulary)),
      rules_(rules),
      merges_(kFirstSlots, Slot{kFree, {kNoRank, kNoToken}}),
      reachable_(std::make_unique<std::atomic<Reachable>[]>(static_cast<size_t>(vocabulary_.size()))) {
  for (size_t byte = 0; byte < byte_tokens_.size(); ++byte) {
    const char text = static_cast<char>(byte);
    byte_tokens_[byte] = vocabulary_.find({&text, 1});
  }
}

bool Bpe::has_every_byte() const {
  return std::find(byte_tokens_.begin(), byte_tokens_.end(), kNoToken) == byte_tokens_.end();
}

void Bpe::add_merge(std::string_view line) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
    throw merge_error(merge_count_, "not a merge of two tokens with one space between", line);
  }
  const MergeText merge{std::string(line.substr(0, space)), std::string(line.substr(space + 1))};
  add_block({&merge, 1});
}

void Bpe::add_merges(std::span<const MergeText> merges) {
  for (; !merges.empty(); merges = merges.subspan(std::min(kBlock, merges.size()))) {
    add_block(merges.first(std::min(kBlock, merges.size())));
  }
}

// The token of these bytes. Merges are listed in the order of their results almost everywhere.
TokenId Bpe::result_of(std::string_view bytes) {
  const auto is_result = [&](TokenId id) {
    return id < vocabulary_.size() && vocabulary_.is_word(id) && vocabulary_.bytes(id) == bytes;
  };
  if (is_result(last_result_)) return last_result_;
  last_result_ = is_result(last_result_ + 1) ? last_result_ + 1 : vocabulary_.find(bytes);
  return last_result_;
}

// Three rounds, so that the places in memory of one round are on their way since the round before.
void Bpe::add_block(std::span<const MergeText> merges) {
  const auto fail = [&](size_t i, const char* what) {
    throw merge_error(merge_count_ + i, what, merges[i].left + " " + merges[i].right);
  };
  std::array<std::optional<std::string>, kBlock> left, right;
  for (size_t i = 0; i < merges.size(); ++i) {
    left[i] = bytes_of_spelling(merges[i].left);
    right[i] = bytes_of_spelling(merges[i].right);
    if (!left[i] || !right[i]) fail(i, "a merge is not spelled in the byte-level alphabet");
    vocabulary_.prefetch(*left[i]);
    vocabulary_.prefetch(*right[i]);
  }
  while (merge_count_ + merges.size() > merges_.size() / 3 * 2) grow();
  std::array<Slot, kBlock> slots;
  for (size_t i = 0; i < merges.size(); ++i) {
    const TokenId left_id = vocabulary_.find(*left[i]), right_id = vocabulary_.find(*right[i]);
    const TokenId result = result_of(*left[i] + *right[i]);
    if (left_id == kNoToken || right_id == kNoToken || result == kNoToken) {
      fail(i, "a merge needs a token that the vocabulary lacks");
    }
    slots[i] = {pair_of(left_id, right_id), {merge_count_ + static_cast<uint32_t>(i), result}};
    __builtin_prefetch(&merges_[first_slot(slots[i].pair, merges_.size())]);
  }
  for (size_t i = 0; i < merges.size(); ++i) {
    if (find_merge(slots[i].pair).rank != kNoRank) {
      throw merge_error(merge_count_, "merge appears twice", merges[i].left + " " + merges[i].right);
    }
    insert(slots[i]);
    ++merge_count_;
  }
}

void Bpe::insert(const Slot& slot) {
  size_t at = first_slot(slot.pair, merges_.size());
  while (merges_[at].pair != kFree) at = (at + 1) & (merges_.size() - 1);
  merges_[at] = slot;
}

void Bpe::grow() {
  std::vector<Slot> before(merges_.size() * 2, Slot{kFree, {kNoRank, kNoToken}});
  before.swap(merges_);
  for (const Slot& slot : before) {
    if (slot.pair != kFree) insert(slot);
  }
}

Bpe::Merge Bpe::find_merge(TokenId left, TokenId right) const { return find_merge(pair_of(left, right)); }

Bpe::Merge Bpe::find_merge(uint64_t pair) const {
  size_t at = first_slot(pair, merges_.size());
  while (merges_[at].pair != pair && merges_[at].pair != kFree) at = (at + 1) & (merges_.size() - 1);
  return merges_[at].merge;  // a free slot holds "no merge"
}

bool Bpe::is_whole(TokenId id, std::string_view word) const {
  std::atomic<Reachable>& known = reachable_[static_cast<size_t>(id)];
  Reachable state = known.load(std::memory_order_relaxed);
  if (state == Reachable::Unknown) {
    std::vector<TokenId> ids;
    encode_parts(word, ids);
    state = ids.size() == 1 && ids.front() == id ? Reachable::Yes : Reachable::No;
    known.store(state, std::memory_order_relaxed);
  }
  return state == Reachable::Yes;
}

size_t Bpe::encode(std::string_view word, std::vector<TokenId>& ids) const {
  const TokenId id = vocabulary_.find(word);
  if (id != kNoToken && (rules_.ignore_merges || is_whole(id, word))) {
    ids.push_back(id);
    return 0;
  }
  return encode_parts(word, ids);
}

size_t Bpe::encode_parts(std::string_view word, std::vector<TokenId>& ids) const {
  const auto missing = [this](char byte) { return byte_tokens_[byte_index(byte)] == kNoToken; };
  const auto left_out = static_cast<size_t>(std::count_if(word.begin(), word.end(), missing));
  if (left_out == 0) {
    merge_bytes(word, ids);
    return 0;
  }
  std::string part;
  for (const char byte : word) {
    if (!missing(byte)) {
      part.push_back(byte);
    } else if (rules_.missing_byte == MissingByte::Separates) {
      merge_bytes(part, ids);
      part.clear();
    }
  }
  merge_bytes(part, ids);
  return left_out;
}

void Bpe::merge_bytes(std::string_view bytes, std::vector<TokenId>& ids) const {
  if (bytes.size() <= kShortWord) return merge_short(bytes, ids);
  merge_long(bytes, ids);
}

void Bpe::merge_short(std::string_view bytes, std::vector<TokenId>& ids) const {
  std::array<TokenId, kShortWord> parts;
  std::array<Merge, kShortWord> merges;  // of a part with the next one
  size_t count = bytes.size();
  for (size_t i = 0; i < count; ++i) parts[i] = byte_tokens_[byte_index(bytes[i])];
  for (size_t i = 0; i + 1 < count; ++i) merges[i] = find_merge(parts[i], parts[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) best = merges[i].rank < merges[best].rank ? i : best;
    if (merges[best].rank == kNoRank) break;
    parts[best] = merges[best].result;
    std::copy(parts.begin() + best + 2, parts.begin() + count, parts.begin() + best + 1);
    std::copy(merges.begin() + best + 1, merges.begin() + count - 1, merges.begin() + best);
    --count;
    if (best > 0) merges[best - 1] = find_merge(parts[best - 1], parts[best]);
    if (best + 1 < count) merges[best] = find_merge(parts[best], parts[best + 1]);
  }
  ids.insert(ids.end(), parts.begin(), parts.begin() + count);
}

void Bpe::merge_long(std::string_view bytes, std::vector<TokenId>& ids) const {
  struct Part {
    TokenId id;  // kNoToken: merged into the part before it
    int32_t before, after;
  };
  struct Candidate {
    uint32_t rank;
    int32_t at;
    TokenId result;
    bool operator>(const Candidate& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
  };
  const auto count = static_cast<int32_t>(bytes.size());
  std::vector<Part> parts(bytes.size());
  for (int32_t i = 0; i < count; ++i)
    parts[i] = {byte_tokens_[byte_index(bytes[i])], i - 1, i + 1 < count ? i + 1 : -1};
  // The result tells whether a candidate still stands: it has the bytes of both parts, and parts only grow.
  const auto merge_at = [&](int32_t at) -> Merge {
    if (at < 0 || parts[at].id == kNoToken || parts[at].after < 0) return {kNoRank, kNoToken};
    return find_merge(parts[at].id, parts[parts[at].after].id);
  };
  std::vector<Candidate> first;
  for (int32_t i = 0; i < count; ++i) {
    if (const Merge merge = merge_at(i); merge.rank != kNoRank) first.push_back({merge.rank, i, merge.result});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue(std::greater<>(), std::move(first));
  const auto offer = [&](int32_t at) {
    if (const Merge merge = merge_at(at); merge.rank != kNoRank) queue.push({merge.rank, at, merge.result});
  };
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    if (merge_at(best.at).result != best.result) continue;
    Part& part = parts[best.at];
    Part& merged = parts[part.after];
    part.id = best.result;
    merged.id = kNoToken;
    part.after = merged.after;
    if (part.after >= 0) parts[part.after].before = best.at;
    offer(part.before);
    offer(best.at);
  }
  for (int32_t i = 0; i >= 0 && i < count; i = parts[i].after) ids.push_back(parts[i].id);
}

}  // namespace magma
