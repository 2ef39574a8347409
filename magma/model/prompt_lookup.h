// Prompt lookup: what followed the last words where they stood before is a guess of what follows them now; free, and
// often right where an answer repeats its prompt. Source: A. Saxena, Prompt Lookup Decoding, 2023
// (github.com/apoorvumang/prompt-lookup-decoding), transformers' prompt_lookup_num_tokens.
#pragma once

#include <cstdint>

#include "magma/model/splice.h"

namespace magma {

// At most `most` ids: those after the latest earlier place of the last kLongestMatch ids; of fewer, down to
// kShortestMatch, where these are new. Where the place is so near that its ids end, the guess goes on in itself: a loop
// goes on as a loop. Empty: nothing is known.
constexpr int64_t kLongestMatch = 4, kShortestMatch = 2;
Ids looked_up(const Ids& ids, int64_t most);

}  // namespace magma
