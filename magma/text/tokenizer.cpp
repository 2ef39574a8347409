#include "magma/text/tokenizer.h"

#include <algorithm>

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/core/log.h"
#include "magma/text/token_stream.h"

namespace magma {
namespace {

constexpr int64_t kMostTextBytes = int64_t{16} << 20;  // of one prompt; positions are 32 bits wide

Error added_error(const AddedToken& token, std::string what, std::string expected) {
  return {ErrorCode::Malformed,
          {.where = fmt::format("added token {}", token.id),
           .what = std::move(what),
           .expected = std::move(expected),
           .got = token.content}};
}

}  // namespace

Tokenizer::Tokenizer(Bpe bpe, TokenizerRules rules) : bpe_(std::move(bpe)), rules_(std::move(rules)) {
  std::vector<AddedToken> sorted = rules_.added;
  const auto by_id = [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; };
  std::sort(sorted.begin(), sorted.end(), by_id);
  special_.resize(static_cast<size_t>(base_size()));
  for (size_t i = 0; i < sorted.size(); ++i) {
    const AddedToken& token = sorted[i];
    if (token.content.empty()) throw added_error(token, "empty added token", "a text");
    if (token.id < 0 || (i > 0 && token.id == sorted[i - 1].id)) {
      throw added_error(token, "added tokens need ids of their own", "another id");
    }
    if (token.id < base_size()) {
      special_[static_cast<size_t>(token.id)] = token.special;
      continue;
    }
    if (token.id != size()) throw added_error(token, "gap in the ids", fmt::format("id {}", size()));
    more_.push_back(token.content);
    special_.push_back(token.special);
  }
  const auto by_content = [](const AddedToken& a, const AddedToken& b) { return a.content < b.content; };
  std::sort(sorted.begin(), sorted.end(), by_content);
  for (size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i].content == sorted[i - 1].content) {
      throw added_error(sorted[i], "added token appears twice", fmt::format("only id {}", sorted[i - 1].id));
    }
  }
  rules_.added = std::move(sorted);
  added_ = AddedTokens(rules_.added);
}

std::vector<TokenId> Tokenizer::encode(const PromptText& prompt, bool automatic) const {
  std::string text;
  std::vector<size_t> ends;  // of each part
  for (const TextPart& part : prompt) ends.push_back((text += part.text).size());
  bounded(static_cast<int64_t>(text.size()), 0, kMostTextBytes, "bytes of a text");
  const auto in_trusted_part = [&](size_t begin, size_t end) {
    const auto part = std::upper_bound(ends.begin(), ends.end(), begin);
    return part != ends.end() && end <= *part && prompt[static_cast<size_t>(part - ends.begin())].trusted;
  };
  std::vector<TokenId> ids;
  size_t left_out = 0;
  if (automatic) ids = rules_.first;
  for (const TextSegment& segment : added_.split(text, in_trusted_part)) {
    if (segment.id != kNoToken) {
      ids.push_back(segment.id);
      continue;
    }
    const std::string_view plain = std::string_view(text).substr(segment.begin, segment.end - segment.begin);
    for (size_t begin = 0; begin < plain.size();) {
      const size_t end = word_end(rules_.words, plain, begin);
      left_out += bpe_.encode(plain.substr(begin, end - begin), ids);
      begin = end;
    }
  }
  if (left_out > 0) log(LogLevel::Warning, "{} bytes of a text have no token and were left out", left_out);
  if (automatic) ids.insert(ids.end(), rules_.last.begin(), rules_.last.end());
  return ids;
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, bool trusted, bool automatic) const {
  return encode(PromptText{{std::string(text), trusted}}, automatic);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, DecodeOptions options) const {
  TokenStream stream(*this, {.skip_special = options.skip_special, .clean_up = false});
  std::string text;
  for (const TokenId id : ids) text += stream.push(id);
  text += stream.finish();
  return options.clean_up ? clean_up_spaces(std::move(text)) : text;
}

TokenId Tokenizer::find(std::string_view added_content) const {
  const auto before = [](const AddedToken& token, std::string_view content) { return token.content < content; };
  const auto found = std::lower_bound(rules_.added.begin(), rules_.added.end(), added_content, before);
  return found != rules_.added.end() && found->content == added_content ? found->id : kNoToken;
}

std::string_view Tokenizer::bytes(TokenId id) const {
  if (id < 0 || id >= size()) return {};
  return id < base_size() ? bpe_.vocabulary().bytes(id) : more_[static_cast<size_t>(id - base_size())];
}

bool Tokenizer::special(TokenId id) const { return id >= 0 && id < size() && special_[static_cast<size_t>(id)]; }

}  // namespace magma
