#include "magma/text/token_stream.h"

#include <gmock/gmock.h>

#include "magma/core/random.h"
#include "magma/core/utf8.h"
#include "magma/text/tokenizer_file.h"
#include "tests/text/fixture_files.h"

namespace magma {
namespace {

// Ids 0..255 are the bytes of the byte-level alphabet; this finds each one's id.
class TokenStreamTest : public testing::Test {
 protected:
  std::vector<TokenId> ids_of(std::string_view bytes) const {
    std::vector<TokenId> ids;
    for (const char byte : bytes) ids.push_back(tokenizer_.bpe().vocabulary().find({&byte, 1}));
    return ids;
  }
  std::string decoded(std::string_view bytes) const { return tokenizer_.decode(ids_of(bytes), {}); }
  std::string streamed(std::string_view bytes, DecodeOptions options) const {
    TokenStream stream(tokenizer_, options);
    std::string text;
    for (const TokenId id : ids_of(bytes)) {
      text += stream.push(id);
      EXPECT_EQ(find_invalid_utf8(text), std::string::npos);
    }
    return text + stream.finish();
  }
  Tokenizer tokenizer_ = read_tokenizer(text_fixture("tiny-f32/tokenizer.json"));
};

TEST_F(TokenStreamTest, HoldsBackACharacterUntilItIsComplete) {
  TokenStream stream(tokenizer_, {});
  std::vector<std::string> pieces;
  for (const TokenId id : ids_of("a\xF0\x9F\x98\x80z")) pieces.push_back(stream.push(id));
  EXPECT_THAT(pieces, testing::ElementsAre("a", "", "", "", "\xF0\x9F\x98\x80", "z"));
  EXPECT_EQ(stream.finish(), "");
}

TEST_F(TokenStreamTest, InvalidBytesBecomeOneReplacementPerBeginningOfACharacter) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(decoded("\x80"), r);
  EXPECT_EQ(decoded("\xC0\xAF"), r + r);
  EXPECT_EQ(decoded("\xE0\x80\xBF"), r + r + r);
  EXPECT_EQ(decoded("\xED\xA0\x80"), r + r + r);  // a surrogate
  EXPECT_EQ(decoded("\xF4\x91\x92\x93"), r + r + r + r);
  EXPECT_EQ(decoded("\xE1\x80"
                    "A\xF0\x9F\x98!"),
            r + "A" + r + "!");
  EXPECT_EQ(decoded("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + "A");  // Unicode, table 3-11
  EXPECT_EQ(decoded("x\xF0\x9F\x98"), "x" + r);
  EXPECT_EQ(decoded("\xF8\xFF"), r + r);
}

TEST_F(TokenStreamTest, PiecesJoinedAreTheWhole) {
  Rng rng(2);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(static_cast<size_t>(rng.integer(0, 24)), '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(rng.integer(0, 1) == 0 ? rng.integer(0x80, 0xFF) : rng.integer(0x20, 0x7E));
    EXPECT_EQ(streamed(bytes, {}), decoded(bytes));
  }
}

TEST_F(TokenStreamTest, CleanedUpWhileStreamingAsAtOnce) {
  Rng rng(4);
  constexpr std::string_view kLetters = "  ''ntmsvre.?!,x";
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (int64_t n = rng.integer(0, 14); n > 0; --n) text += kLetters[static_cast<size_t>(rng.integer(0, 15))];
    EXPECT_EQ(streamed(text, {.skip_special = true, .clean_up = true}), clean_up_spaces(text)) << text;
  }
}

TEST_F(TokenStreamTest, CleanUpTakesTheSpaceBeforePunctuation) {
  EXPECT_EQ(clean_up_spaces("It is n't late , I 'm here . He 's ? We 've ! they 're ' x"),
            "It isn't late, I'm here. He's? We've! they're'x");
  EXPECT_EQ(clean_up_spaces("a  ."), "a .");
  EXPECT_EQ(clean_up_spaces(""), "");
  EXPECT_EQ(streamed("Yes , it is .", {.skip_special = true, .clean_up = true}), "Yes, it is.");
}

TEST_F(TokenStreamTest, SpecialTokensAreShownOrSkipped) {
  const TokenId end = tokenizer_.find("<|eot_id|>");
  EXPECT_EQ(TokenStream(tokenizer_, {}).push(end), "<|eot_id|>");
  EXPECT_EQ(TokenStream(tokenizer_, {.skip_special = true}).push(end), "");
}

}  // namespace
}  // namespace magma
