#include "magma/nn/gguf_tokenizer.h"

#include <algorithm>

#include <fmt/core.h>

#include "magma/core/utf8.h"

namespace magma {
namespace {

const std::string kPrefix = "tokenizer.ggml.";

void require_length(const GgufMetadata& metadata, const std::string& key, size_t got, size_t tokens) {
  if (got == 0 || got == tokens) return;
  metadata.fail(key, ErrorCode::Malformed, "not one value per token", std::to_string(tokens), std::to_string(got));
}

void require_utf8(const GgufMetadata& metadata, const std::string& key, const std::vector<std::string>& texts) {
  for (size_t i = 0; i < texts.size(); ++i) {
    if (find_invalid_utf8(texts[i]) == std::string::npos) continue;
    metadata.fail(key, ErrorCode::Malformed, fmt::format("invalid UTF-8 in value {}", i), "", texts[i]);
  }
}

std::vector<std::string> read_merges(const GgufMetadata& metadata) {
  const std::string key = kPrefix + "merges";
  std::vector<std::string> merges = metadata.texts(key);
  require_utf8(metadata, key, merges);
  for (size_t i = 0; i < merges.size(); ++i) {
    // A space never is a token's first byte in the byte-level alphabet, so the first one behind the start divides.
    const size_t space = merges[i].find(' ', 1);
    const bool two = merges[i].size() >= 3 && space != std::string::npos && space + 1 < merges[i].size();
    if (!two) {
      metadata.fail(key, ErrorCode::Malformed, fmt::format("merge {} is not two tokens", i), "left right", merges[i]);
    }
  }
  return merges;
}

std::vector<GgufTokenType> read_types(const GgufMetadata& metadata) {
  const std::string key = kPrefix + "token_type";
  std::vector<GgufTokenType> types;
  for (const int64_t number : metadata.integers(key)) {
    if (number < static_cast<int64_t>(GgufTokenType::Normal) || number > static_cast<int64_t>(GgufTokenType::Byte)) {
      metadata.fail(key, ErrorCode::Malformed, fmt::format("unknown type of token {}", types.size()), "1 to 6",
                    std::to_string(number));
    }
    types.push_back(static_cast<GgufTokenType>(number));
  }
  return types;
}

std::optional<int64_t> read_id(const GgufMetadata& metadata, const std::string& name, size_t tokens) {
  const std::string key = kPrefix + name;
  const std::optional<int64_t> id = metadata.optional_integer(key);
  if (id && (*id < 0 || *id >= static_cast<int64_t>(tokens))) {
    metadata.fail(key, ErrorCode::Malformed, "id of no token", fmt::format("0 to {}", tokens - 1), std::to_string(*id));
  }
  return id;
}

}  // namespace

GgufTokenizer read_gguf_tokenizer(const GgufMetadata& metadata) {
  GgufTokenizer result;
  result.kind = metadata.text(kPrefix + "model");
  result.pre = metadata.optional_text(kPrefix + "pre").value_or("");
  result.tokens = metadata.texts(kPrefix + "tokens");
  const size_t tokens = result.tokens.size();
  if (tokens == 0) metadata.fail(kPrefix + "tokens", ErrorCode::Malformed, "no tokens");
  require_utf8(metadata, kPrefix + "tokens", result.tokens);
  result.types = read_types(metadata);
  require_length(metadata, kPrefix + "token_type", result.types.size(), tokens);
  result.scores = metadata.numbers(kPrefix + "scores");
  require_length(metadata, kPrefix + "scores", result.scores.size(), tokens);
  result.merges = read_merges(metadata);
  result.bos = read_id(metadata, "bos_token_id", tokens);
  result.eos = read_id(metadata, "eos_token_id", tokens);
  result.end_of_turn = read_id(metadata, "eot_token_id", tokens);
  result.unknown = read_id(metadata, "unknown_token_id", tokens);
  result.padding = read_id(metadata, "padding_token_id", tokens);
  result.add_bos = metadata.optional_boolean(kPrefix + "add_bos_token");
  result.add_eos = metadata.optional_boolean(kPrefix + "add_eos_token");
  result.add_space_prefix = metadata.optional_boolean(kPrefix + "add_space_prefix");
  result.chat_template = metadata.optional_text("tokenizer.chat_template").value_or("");
  if (const size_t bad = find_invalid_utf8(result.chat_template); bad != std::string::npos) {
    metadata.fail("tokenizer.chat_template", ErrorCode::Malformed, fmt::format("invalid UTF-8 at byte {}", bad));
  }
  return result;
}

}  // namespace magma
