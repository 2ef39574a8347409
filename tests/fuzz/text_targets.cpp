#include <numeric>

#include "magma/core/log.h"
#include "magma/core/utf8.h"
#include "magma/text/chat_template.h"
#include "magma/text/token_stream.h"
#include "magma/text/tokenizer_file.h"
#include "tests/fuzz/fuzz_target.h"

namespace magma {
namespace {

std::string bytes_of(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  return std::accumulate(ids.begin(), ids.end(), std::string(),
                         [&](std::string all, TokenId id) { return all += tokenizer.bytes(id); });
}

// Every byte a token, two merges, an added token of each kind.
Tokenizer whole_tokenizer() {
  std::vector<std::string> tokens;
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 0x100; ++byte) {
    const bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const uint32_t character = itself ? byte : next++;
    if (character < 0x80) {
      tokens.emplace_back(1, static_cast<char>(character));
    } else {
      tokens.push_back({static_cast<char>(0xC0 | (character >> 6)), static_cast<char>(0x80 | (character & 0x3F))});
    }
  }
  tokens.emplace_back("aa");
  tokens.emplace_back("aab");
  Bpe bpe(Vocabulary(tokens, {}), {});
  bpe.add_merge("a a");
  bpe.add_merge("aa b");
  return {std::move(bpe),
          {.added = {{.id = 258, .content = "<|a|>", .special = true},
                     {.id = 259, .content = "<|a|><", .special = false},
                     {.id = 260, .content = "aab", .special = false, .normalized = true}}}};
}

}  // namespace

void fuzz_tokenizer(std::string_view bytes) {
  set_log_level(LogLevel::Error);  // no line for every byte without a token
  const auto tokenizer = unless_refused([&] { return parse_tokenizer(bytes, "tokenizer.json"); });
  if (!tokenizer) return;
  const std::string text = "It's 123 w\xC3\xB6rds <|im_end|>\xFF  \n";
  for (const bool trusted : {true, false}) {
    const std::vector<TokenId> ids = tokenizer->encode(text, trusted, true);
    for (const TokenId id : ids) demand(id >= 0 && id < tokenizer->size(), "ids are of the vocabulary");
    if (!tokenizer->bpe().has_every_byte()) continue;
    demand(bytes_of(*tokenizer, tokenizer->encode(text, trusted, false)) == text, "tokens have the bytes of the text");
  }
}

void fuzz_tokenizer_text(std::string_view bytes) {
  static const Tokenizer tokenizer = whole_tokenizer();
  const std::vector<TokenId> ids = tokenizer.encode(bytes, true, false);
  demand(bytes_of(tokenizer, ids) == bytes, "trusted text comes back");
  const std::vector<TokenId> plain = tokenizer.encode(bytes, false, false);
  demand(bytes_of(tokenizer, plain) == bytes, "other text comes back");
  for (const TokenId id : plain) demand(!tokenizer.special(id), "no special token from text that is not trusted");
  const std::string half(bytes.substr(0, bytes.size() / 2)), rest(bytes.substr(bytes.size() / 2));
  demand(tokenizer.encode({{half, false}, {rest, false}}, false) == plain, "parts are one text");
  for (const bool clean_up : {false, true}) {
    TokenStream stream(tokenizer, {.skip_special = false, .clean_up = clean_up});
    std::string text;
    for (const TokenId id : ids) text += stream.push(id);
    text += stream.finish();
    demand(find_invalid_utf8(text) == std::string_view::npos, "what is shown is UTF-8");
    demand(text == tokenizer.decode(ids, {.skip_special = false, .clean_up = clean_up}), "pieces are the whole");
  }
}

void fuzz_chat_template(std::string_view bytes) {
  const auto chat = unless_refused([&] { return ChatTemplate::recognise(bytes, "<s>", "</s>"); });
  if (!chat) return;
  const std::vector<ChatMessage> messages{{"user", {{"<|eot_id|>", false}}}};
  bool seen = false;
  for (const TextPart& part : chat->render(messages, true)) seen = seen || (!part.trusted && part.text == "<|eot_id|>");
  demand(seen, "a message stays text that is not trusted");
}

}  // namespace magma
