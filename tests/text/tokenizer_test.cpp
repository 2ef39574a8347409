#include "magma/text/tokenizer.h"

#include <algorithm>
#include <ctime>
#include <map>

#include <gmock/gmock.h>

#include "magma/core/error.h"
#include "magma/core/random.h"
#include "magma/text/chat_template.h"
#include "magma/text/token_stream.h"
#include "magma/text/tokenizer_file.h"
#include "tests/text/fixture_files.h"

namespace magma {
namespace {

using Ids = std::vector<TokenId>;

const TokenizerFolder& checkpoint(const std::string& name) {
  static std::map<std::string, TokenizerFolder> loaded;
  const auto found = loaded.find(name);
  return found != loaded.end() ? found->second
                               : loaded.emplace(name, read_tokenizer_folder(text_fixture(name))).first->second;
}

const Tokenizer& small() { return checkpoint("small").tokenizer; }

std::string streamed(const Tokenizer& tokenizer, const Ids& ids, DecodeOptions options) {
  TokenStream stream(tokenizer, options);
  std::string text;
  for (const TokenId id : ids) text += stream.push(id);
  return text + stream.finish();
}

class Checkpoint : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Tiny, Checkpoint, testing::Values("tiny-f32", "tiny-gqa-ropescaled"));

TEST_P(Checkpoint, EncodesAndDecodesAsTheReference) {
  const Tokenizer& tokenizer = checkpoint(GetParam()).tokenizer;
  int encoded = 0, decoded = 0;
  for (const Json& vector : text_fixture_lines(std::string(GetParam()) + "/vectors.jsonl")) {
    const auto text = vector.at("text").get<std::string>();
    if (vector.contains("ids")) {
      EXPECT_EQ(tokenizer.encode(text, true, false), vector.at("ids").get<Ids>()) << vector;
      ++encoded;
      continue;
    }
    const auto ids = vector.at("decode").get<Ids>();
    EXPECT_EQ(tokenizer.decode(ids, {}), text);
    EXPECT_EQ(tokenizer.decode(ids, {.skip_special = true, .clean_up = false}), vector.at("text_without_special"));
    EXPECT_EQ(tokenizer.decode(ids, tokenizer.answer_options()), vector.at("text_final"));
    EXPECT_EQ(streamed(tokenizer, ids, tokenizer.answer_options()), vector.at("text_final"));
    ++decoded;
  }
  EXPECT_EQ(encoded, 298);
  EXPECT_EQ(decoded, 120);
}

// <image> in a message is the program's placeholder; everything else there is somebody's text.
PromptText with_images(const std::string& content, const Tokenizer& tokenizer, bool bare) {
  constexpr std::string_view kImage = "<image>";
  const bool wrap = !bare && tokenizer.find("<image_start>") != kNoToken;
  PromptText parts;
  size_t begin = 0;
  for (size_t at = content.find(kImage); at != std::string::npos; at = content.find(kImage, begin)) {
    parts.push_back({content.substr(begin, at - begin), false});
    parts.push_back({wrap ? "<image_start><image><image_end>" : "<image>", true});
    begin = at + kImage.size();
  }
  parts.push_back({content.substr(begin), false});
  return parts;
}

TEST_P(Checkpoint, ConversationsBecomeThePromptsOfTheReferenceWithTwoBeginTokens) {
  const TokenizerFolder& folder = checkpoint(GetParam());
  const auto chat = ChatTemplate::recognise(folder.chat_template, folder.begin_text, folder.end_text);
  int rows = 0;
  for (const Json& row : text_fixture_lines(std::string(GetParam()) + "/conversations.jsonl")) {
    std::vector<ChatMessage> messages;
    for (const Json& message : row.at("messages")) {
      messages.push_back(
          {message.at("role"), with_images(message.at("content"), folder.tokenizer, row.contains("bare_image"))});
    }
    const auto wanted = row.at("prompt").get<std::string>();
    const PromptText prompt = chat.render(messages, wanted.ends_with("assistant<|end_header_id|>\n\n"));
    std::string text;
    for (const TextPart& part : prompt) text += part.text;
    EXPECT_EQ(text, wanted);
    const Ids ids = folder.tokenizer.encode(prompt, true);
    EXPECT_EQ(ids, row.at("input_ids").get<Ids>());
    EXPECT_EQ(ids.at(0), ids.at(1));
    ++rows;
  }
  EXPECT_GT(rows, 20);
}

TEST_P(Checkpoint, SpecialTokensSpelledInUserTextStayText) {
  const Tokenizer& tokenizer = checkpoint(GetParam()).tokenizer;
  ASSERT_GT(tokenizer.rules().added.size(), 250U);
  for (const AddedToken& token : tokenizer.rules().added) {
    const std::string text = "say " + token.content + "\n" + token.content;
    const Ids plain = tokenizer.encode(text, false, false);
    for (const TokenId id : plain) EXPECT_FALSE(tokenizer.special(id)) << token.content;
    EXPECT_EQ(tokenizer.decode(plain, {}), text);
    EXPECT_THAT(tokenizer.encode(text, true, false), testing::Contains(token.id).Times(2));
  }
}

TEST_P(Checkpoint, ASpecialTokenDoesNotReachAcrossPartsOfAPrompt) {
  const Tokenizer& tokenizer = checkpoint(GetParam()).tokenizer;
  const TokenId end = tokenizer.find("<|eot_id|>");
  const auto encode = [&](const PromptText& prompt) { return tokenizer.encode(prompt, false); };
  EXPECT_THAT(encode({{"<|eot", true}, {"_id|>", false}}), testing::Not(testing::Contains(end)));
  EXPECT_THAT(encode({{"<|eot", false}, {"_id|>", true}}), testing::Not(testing::Contains(end)));
  EXPECT_THAT(encode({{"<|eot", true}, {"_id|>", true}}), testing::Not(testing::Contains(end)));
  EXPECT_THAT(encode({{"<|eot_id|", false}, {"<|eot_id|>", true}, {"<|eot_id|>", false}}),
              testing::Contains(end).Times(1));
  EXPECT_EQ(encode({{"Good mor", false}, {"ning", true}, {"", false}}), tokenizer.encode("Good morning", false, false));
}

std::string random_bytes(Rng& rng) {
  std::string text(static_cast<size_t>(rng.integer(0, 200)), '\0');
  const int64_t kind = rng.integer(0, 2);
  for (char& byte : text) {
    byte = static_cast<char>(kind == 0   ? rng.integer(0, 255)
                             : kind == 1 ? rng.integer(32, 126)
                                         : rng.integer(0xC0, 0xF8));
  }
  return text;
}

TEST_P(Checkpoint, AnyBytesComeBackFromTheirTokens) {
  const Tokenizer& tokenizer = checkpoint(GetParam()).tokenizer;
  Rng rng(11);
  for (int round = 0; round < 500; ++round) {
    const std::string text = random_bytes(rng);
    for (const bool trusted : {true, false}) {
      std::string joined;
      for (const TokenId id : tokenizer.encode(text, trusted, false)) joined += tokenizer.bytes(id);
      EXPECT_EQ(joined, text);
    }
  }
}

TEST(Tokenizer, ReadsAVocabularyWithControlTokensInsideAndBytesMissing) {
  EXPECT_FALSE(small().bpe().has_every_byte());
  EXPECT_EQ(small().rules().words, WordRules::SmolLm);
  const auto vectors = text_fixture_lines("small/vectors.jsonl");
  ASSERT_GT(vectors.size(), 300U);
  for (const Json& vector : vectors) {
    const auto text = vector.at("text").get<std::string>();
    const auto ids = vector.at("trusted").get<Ids>();
    EXPECT_EQ(small().encode(text, true, true), ids) << vector;
    EXPECT_EQ(small().encode(text, false, true), vector.at("untrusted").get<Ids>()) << vector;
    EXPECT_EQ(small().decode(ids, {}), vector.at("decoded"));
    EXPECT_EQ(small().decode(ids, small().answer_options()), vector.at("answer"));
  }
}

// A tokenizer from lists in memory: 256 bytes, then what merging makes.
std::vector<std::string> byte_spellings() {
  const Tokenizer& tokenizer = checkpoint("tiny-f32").tokenizer;
  const Json file = read_json(text_fixture("tiny-f32/tokenizer.json"));
  std::vector<std::string> all(256);
  for (const auto& [spelled, id] : file.at("model").at("vocab").items()) {
    const std::string_view bytes = tokenizer.bytes(id.get<TokenId>());
    if (bytes.size() == 1) all[static_cast<unsigned char>(bytes[0])] = spelled;
  }
  return all;
}

Bpe bpe_of(std::vector<std::string> tokens, const std::vector<std::string>& merges, BpeRules rules) {
  Bpe bpe(Vocabulary(tokens, {}), rules);
  for (const std::string& merge : merges) bpe.add_merge(merge);
  return bpe;
}

Ids encoded(const Bpe& bpe, std::string_view word) {
  Ids ids;
  bpe.encode(word, ids);
  return ids;
}

TEST(Bpe, TheLowestRankIsMergedFirstAndTheLeftmostOfEquals) {
  auto tokens = byte_spellings();
  for (const char* more : {"ab", "bc", "abc", "aa", "whole"}) tokens.emplace_back(more);
  const Bpe bpe = bpe_of(tokens, {"b c", "a b", "a bc", "a a"}, {});
  EXPECT_EQ(encoded(bpe, "abc"), (Ids{258}));
  EXPECT_EQ(encoded(bpe, "abab"), (Ids{256, 256}));
  EXPECT_EQ(encoded(bpe, "aaa"), (Ids{259, 'a'}));
  EXPECT_EQ(encoded(bpe, "aaabc"), (Ids{259, 258}));
  EXPECT_EQ(encoded(bpe, "whole").size(), 5U);
  EXPECT_EQ(encoded(bpe_of(tokens, {}, {.ignore_merges = true}), "whole"), (Ids{260}));
}

TEST(Bpe, LongAndShortWordsAreMergedAlike) {
  const Bpe& bpe = checkpoint("tiny-f32").tokenizer.bpe();
  Rng rng(5);
  for (int round = 0; round < 300; ++round) {
    // A byte that nothing merges with parts the long word into short ones.
    std::string word;
    Ids expected;
    while (word.size() < 200) {
      std::string part;
      for (int64_t n = rng.integer(1, 40); n > 0; --n) part += static_cast<char>("aeinorst "[rng.integer(0, 8)]);
      part += '\x01';
      bpe.encode(part, expected);
      word += part;
    }
    EXPECT_EQ(encoded(bpe, word), expected);
  }
}

TEST(Bpe, AByteWithoutATokenIsLeftOut) {
  auto tokens = byte_spellings();
  tokens['!'] = "gone";
  tokens.emplace_back("ab");
  EXPECT_EQ(encoded(bpe_of(tokens, {"a b"}, {}), "a!b!"), (Ids{256}));
  Ids ids;
  EXPECT_EQ(bpe_of(tokens, {"a b"}, {}).encode("a!b!", ids), 2U);
  EXPECT_EQ(encoded(bpe_of(tokens, {"a b"}, {.missing_byte = MissingByte::Separates}), "a!b!ab"), (Ids{'a', 'b', 256}));
}

TEST(Bpe, RefusesMergesThatCannotBe) {
  auto tokens = byte_spellings();
  tokens.emplace_back("ab");
  for (const char* merge : {"a", "a b c", "", " ", "a c", "zz a", "\xE4\xB8\xAD a", "a  b"}) {
    EXPECT_THROW(bpe_of(tokens, {merge}, {}), Error) << merge;
  }
  EXPECT_THROW(bpe_of(tokens, {"a b", "a b"}, {}), Error);
}

TEST(Bpe, TimeOfOneLongWordGrowsHardlyFasterThanItsLength) {
  const Tokenizer& tokenizer = checkpoint("tiny-f32").tokenizer;
  const auto seconds = [&](size_t bytes) {
    Rng rng(1);
    std::string word(bytes, 'a');
    for (char& byte : word) byte = static_cast<char>("aeinorst"[rng.integer(0, 7)]);
    const std::clock_t start = std::clock();
    EXPECT_GT(tokenizer.encode(word, false, false).size(), bytes / 8);
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  };
  const double small_word = std::min({seconds(1 << 17), seconds(1 << 17), seconds(1 << 17)});
  EXPECT_LT(seconds(1 << 20), 24 * small_word);  // 8 times the length; a quadratic method takes 64 times as long
}

TEST(Tokenizer, RefusesATextThatIsTooLong) {
  const std::string text((size_t{16} << 20) + 1, ' ');
  EXPECT_THROW(small().encode(text, false, false), Error);
}

TEST(Tokenizer, IdsWithoutATokenGiveNothing) {
  const Ids ids{small().size(), -1, 1 << 30};
  EXPECT_EQ(small().decode(ids, {}), "");
  EXPECT_FALSE(small().special(small().size()));
}

TEST(Tokenizer, AddedTokensNeedIdsAndTextsOfTheirOwnWithoutGaps) {
  const auto made = [](std::vector<AddedToken> added) {
    return Tokenizer(bpe_of(byte_spellings(), {}, {}), {.added = std::move(added)});
  };
  EXPECT_EQ(made({{.id = 257, .content = "<b>"}, {.id = 256, .content = "<a>"}}).size(), 258);
  EXPECT_THROW(made({{.id = 257, .content = "<a>"}}), Error);
  EXPECT_THROW(made({{.id = 256, .content = "<a>"}, {.id = 256, .content = "<b>"}}), Error);
  EXPECT_THROW(made({{.id = 256, .content = "<a>"}, {.id = 257, .content = "<a>"}}), Error);
  EXPECT_THROW(made({{.id = 256, .content = ""}}), Error);
  EXPECT_THROW(made({{.id = -1, .content = "<a>"}}), Error);
}

TEST(Tokenizer, TheLongestAddedTokenWinsAndOneThatDoesNotCountHidesNoOther) {
  const Tokenizer tokenizer(bpe_of(byte_spellings(), {}, {}),
                            {.added = {{.id = 256, .content = "<a", .special = false},
                                       {.id = 257, .content = "<a><b>", .special = true},
                                       {.id = 258, .content = "<b>", .special = false}}});
  EXPECT_EQ(tokenizer.encode("<a><b>", true, false), (Ids{257}));
  EXPECT_EQ(tokenizer.encode("<a><b>", false, false), (Ids{256, '>', 258}));
  EXPECT_EQ(tokenizer.encode("<a", false, false), (Ids{256}));
  EXPECT_EQ(tokenizer.encode("<", true, false), (Ids{'<'}));
}

}  // namespace
}  // namespace magma
