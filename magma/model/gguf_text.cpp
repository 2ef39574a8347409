#include "magma/model/gguf_text.h"

#include <utility>

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/nn/gguf.h"
#include "magma/nn/gguf_tokenizer.h"

namespace magma {
namespace {

WordRules word_rules(const GgufTokenizer& stored, const std::string& file) {
  if (stored.kind != "gpt2") {
    throw Error(ErrorCode::Refused, {.file = file,
                                     .where = "metadata tokenizer.ggml.model",
                                     .what = "tokenizer not supported",
                                     .expected = "gpt2 (byte-level BPE)",
                                     .got = stored.kind});
  }
  if (const auto rules = word_rules_of_gguf(stored.pre)) return *rules;
  throw Error(ErrorCode::Refused, {.file = file,
                                   .where = "metadata tokenizer.ggml.pre",
                                   .what = "pre-tokeniser not supported",
                                   .expected = "llama-bpe, smollm, gpt-2 or qwen2",
                                   .got = stored.pre});
}

bool is_added(GgufTokenType type) { return type == GgufTokenType::Control || type == GgufTokenType::UserDefined; }

// Llama-3's vocabulary holds whole words that no merges lead to.
bool ignores_merges(const GgufTokenizer& stored) { return stored.pre == "llama-bpe" || stored.pre == "llama3"; }

// Vocabulary and merges count their entries; where those stand in the file is known here.
template <typename Read>
auto in_metadata(const char* key, const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    ErrorFields fields = error.fields();
    fields.where = fmt::format("metadata {}, {}", key, fields.where);
    throw Error(error.code(), std::move(fields));
  }
}

Bpe bpe_of(const GgufTokenizer& stored) {
  std::vector<TokenId> never_found;
  for (size_t id = 0; id < stored.types.size(); ++id) {
    if (is_added(stored.types[id])) never_found.push_back(static_cast<TokenId>(id));
  }
  Bpe bpe(in_metadata("tokenizer.ggml.tokens", [&] { return Vocabulary(stored.tokens, never_found); }),
          {.ignore_merges = ignores_merges(stored), .missing_byte = MissingByte::Separates});
  std::vector<MergeText> merges;
  merges.reserve(stored.merges.size());
  for (const std::string& line : stored.merges) {
    const size_t space = line.find(' ');
    merges.push_back({line.substr(0, space), line.substr(space + 1)});
  }
  in_metadata("tokenizer.ggml.merges", [&] { bpe.add_merges(merges); });
  return bpe;
}

TokenizerRules rules_of(const GgufTokenizer& stored, const std::string& file) {
  TokenizerRules rules{.words = word_rules(stored, file)};
  for (size_t id = 0; id < stored.types.size(); ++id) {
    if (!is_added(stored.types[id])) continue;
    rules.added.push_back({.id = static_cast<TokenId>(id),
                           .content = stored.tokens[id],
                           .special = stored.types[id] == GgufTokenType::Control});
  }
  const bool begins = stored.add_bos.value_or(stored.pre == "llama-bpe");
  if (begins && stored.bos) rules.first.push_back(static_cast<TokenId>(*stored.bos));
  if (stored.add_eos.value_or(false) && stored.eos) rules.last.push_back(static_cast<TokenId>(*stored.eos));
  return rules;
}

std::string token_text(const GgufTokenizer& stored, std::optional<int64_t> id) {
  return id ? stored.tokens[static_cast<size_t>(*id)] : std::string();
}

}  // namespace

GgufText read_gguf_text(const GgufFile& file, const std::string& name) {
  const GgufTokenizer stored = read_gguf_tokenizer(file.metadata());
  try {
    GgufText result{.text = {.tokenizer = Tokenizer(bpe_of(stored), rules_of(stored, name)),
                             .chat_template = stored.chat_template,
                             .begin_text = token_text(stored, stored.bos),
                             .end_text = token_text(stored, stored.eos)}};
    for (const auto& id : {stored.eos, stored.end_of_turn}) {
      if (id) result.stop_ids.push_back(*id);
    }
    return result;
  } catch (const Error& error) {
    throw error.with_file(name);
  }
}

}  // namespace magma
