// The tokenizer that a GGUF file carries, as plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "magma/nn/gguf_value.h"

namespace magma {

// Kinds of `types`, by the format's numbers.
enum class GgufTokenType : int64_t { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };

struct GgufTokenizer {
  std::string kind;  // "gpt2": byte-level BPE; "llama": SentencePiece
  std::string pre;   // name of the pre-tokeniser, such as "smollm" or "llama-bpe"; empty where none is named
  std::vector<std::string> tokens;   // text of each id; byte-level alphabet for "gpt2"
  std::vector<GgufTokenType> types;  // of each id; empty or as many as tokens
  std::vector<float> scores;         // of each id; empty or as many as tokens
  std::vector<std::string> merges;   // "left right", best first
  std::optional<int64_t> bos, eos, end_of_turn, unknown, padding;
  std::optional<bool> add_bos, add_eos, add_space_prefix;
  std::string chat_template;  // Jinja; empty where the file has none
};

// Error(Malformed) with the key as place where parts are missing or disagree: lengths, ids beyond the tokens, texts
// that are not UTF-8, merges that are not two tokens.
GgufTokenizer read_gguf_tokenizer(const GgufMetadata& metadata);

}  // namespace magma
