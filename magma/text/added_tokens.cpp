#include "magma/text/added_tokens.h"

#include <algorithm>

namespace magma {

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens) {
  for (const AddedToken& token : tokens) matchers_[token.normalized ? 1 : 0].add(token);
  for (Matcher& matcher : matchers_) matcher.sort();
}

void AddedTokens::Matcher::sort() {
  std::sort(tokens_.begin(), tokens_.end(),
            [](const AddedToken& a, const AddedToken& b) { return a.content < b.content; });
  for (const AddedToken& token : tokens_) starts_[static_cast<unsigned char>(token.content.front())] = true;
}

// Narrows the sorted list byte by byte: [low, high) start with what was read so far.
TextSegment AddedTokens::Matcher::longest_at(std::string_view text, TextSegment plain, const Allowed& allowed) const {
  TextSegment found{plain.begin, plain.begin, kNoToken};
  auto low = tokens_.begin(), high = tokens_.end();
  for (size_t depth = 0; low != high; ++depth) {
    if (low->content.size() == depth) {
      const TextSegment match{plain.begin, plain.begin + depth, low->id};
      if (!low->special || allowed(match.begin, match.end)) found = match;
      ++low;
    }
    if (plain.begin + depth >= plain.end) break;
    const auto byte = static_cast<unsigned char>(text[plain.begin + depth]);
    const auto at_depth = [depth](const AddedToken& token) { return static_cast<unsigned char>(token.content[depth]); };
    low = std::partition_point(low, high, [&](const AddedToken& token) { return at_depth(token) < byte; });
    high = std::partition_point(low, high, [&](const AddedToken& token) { return at_depth(token) == byte; });
  }
  return found;
}

void AddedTokens::Matcher::split(std::string_view text, TextSegment plain, const Allowed& allowed,
                                 std::vector<TextSegment>& out) const {
  size_t begin = plain.begin;
  for (size_t at = plain.begin; at < plain.end;) {
    const TextSegment match = starts_[static_cast<unsigned char>(text[at])]
                                  ? longest_at(text, {at, plain.end, kNoToken}, allowed)
                                  : TextSegment{at, at, kNoToken};
    if (match.id == kNoToken) {
      ++at;
      continue;
    }
    if (begin < at) out.push_back({begin, at, kNoToken});
    out.push_back(match);
    begin = at = match.end;
  }
  if (begin < plain.end) out.push_back({begin, plain.end, kNoToken});
}

std::vector<TextSegment> AddedTokens::split(std::string_view text, const Allowed& special_counts) const {
  std::vector<TextSegment> segments;
  if (!text.empty()) segments.push_back({0, text.size(), kNoToken});
  for (const Matcher& matcher : matchers_) {
    if (matcher.empty()) continue;
    std::vector<TextSegment> finer;
    for (const TextSegment& segment : segments) {
      if (segment.id == kNoToken) {
        matcher.split(text, segment, special_counts, finer);
      } else {
        finer.push_back(segment);
      }
    }
    segments = std::move(finer);
  }
  return segments;
}

}  // namespace magma
