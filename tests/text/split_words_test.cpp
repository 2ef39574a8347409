#include "magma/text/split_words.h"

#include <ctime>
#include <map>

#include <gmock/gmock.h>

#include "magma/core/random.h"
#include "magma/text/unicode_classes.h"
#include "tests/support/sanitizers.h"
#include "tests/text/fixture_files.h"

namespace magma {
namespace {

constexpr WordRules kAllRules[] = {WordRules::Llama3, WordRules::Qwen2, WordRules::Gpt2, WordRules::SmolLm};

std::vector<std::string> words_of(WordRules rules, std::string_view text) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = word_end(rules, text, begin);
    words.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

TEST(SplitWords, WordsAreThoseOfTheReference) {
  std::map<std::string, WordRules> rules;
  for (const WordRules each : kAllRules) rules[std::string(word_rules_name(each))] = each;
  const auto vectors = text_fixture_lines("words.jsonl");
  ASSERT_EQ(vectors.size(), 750U);
  for (const Json& vector : vectors) {
    const auto text = vector.at("text").get<std::string>();
    EXPECT_EQ(words_of(rules.at(vector.at("rules")), text), vector.at("words").get<std::vector<std::string>>())
        << vector;
  }
}

TEST(SplitWords, ASpaceGoesWithTheWordAfterIt) {
  using testing::ElementsAre;
  EXPECT_THAT(words_of(WordRules::Llama3, "It's 12345  o'clock\n\n ok"),
              ElementsAre("It", "'s", " ", "123", "45", " ", " o", "'clock", "\n\n", " ok"));
  EXPECT_THAT(words_of(WordRules::Qwen2, "a12"), ElementsAre("a", "1", "2"));
  EXPECT_THAT(words_of(WordRules::Gpt2, "It'S 12345  o"), ElementsAre("It", "'", "S", " 12345", " ", " o"));
  EXPECT_THAT(words_of(WordRules::SmolLm, "a  12 b"), ElementsAre("a", "  ", "1", "2", " b"));
}

TEST(SplitWords, PatternsAreRecognisedByTheirTextAndNothingElseIs) {
  EXPECT_EQ(word_rules_of_pattern(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"),
            WordRules::Gpt2);
  for (const char* pattern :
       {"", " ", "(a+)+$", "(x*)*y", "(.*)*=", R"(\s+)", R"((?i:'s|'t)|\p{L}+)", "([a-z]+)*\\1"}) {
    EXPECT_FALSE(word_rules_of_pattern(pattern)) << pattern;
  }
  EXPECT_EQ(word_rules_of_gguf("llama-bpe"), WordRules::Llama3);
  EXPECT_EQ(word_rules_of_gguf("smollm"), WordRules::SmolLm);
  EXPECT_FALSE(word_rules_of_gguf("default"));
}

TEST(SplitWords, ClassesKnowTheirUnicodeVersion) {
  EXPECT_EQ(text_class('a'), TextClass::Letter);
  EXPECT_EQ(text_class(0x4E2D), TextClass::Letter);
  EXPECT_EQ(text_class(0x105C0), TextClass::Letter);  // Todhri, new in Unicode 16
  EXPECT_EQ(text_class(0x10D40), TextClass::Number);  // Garay digit, new in Unicode 16
  EXPECT_EQ(text_class(0xBD), TextClass::Number);
  EXPECT_EQ(text_class(0x85), TextClass::Space);
  EXPECT_EQ(text_class(0x1C), TextClass::Other);
  EXPECT_EQ(text_class(0x200B), TextClass::Other);
  EXPECT_EQ(text_class(0x10FFFF), TextClass::Other);
  std::map<TextClass, int> count;
  for (uint32_t code_point = 0; code_point < 0x110000; ++code_point) ++count[text_class(code_point)];
  EXPECT_EQ(count[TextClass::Letter], 141028);
  EXPECT_EQ(count[TextClass::Number], 1911);
  EXPECT_EQ(count[TextClass::Space], 25);
}

TEST(SplitWords, EveryByteOfAnyTextIsInOneWord) {
  Rng rng(3);
  for (int round = 0; round < 400; ++round) {
    std::string text(static_cast<size_t>(rng.integer(0, 60)), '\0');
    const bool ascii = rng.integer(0, 1) == 0;
    for (char& byte : text) byte = static_cast<char>(ascii ? rng.integer(0, 127) : rng.integer(0, 255));
    for (const WordRules rules : kAllRules) {
      std::string joined;
      for (const std::string& word : words_of(rules, text)) joined += word;
      EXPECT_EQ(joined, text);
    }
  }
}

double cpu_seconds(WordRules rules, const std::string& text) {
  const std::clock_t start = std::clock();
  EXPECT_GT(words_of(rules, text).size(), 0U);
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

TEST(SplitWords, TimeGrowsWithTheTextWhateverItIs) {
  MAGMA_NOT_UNDER_THREAD_SANITIZER("its time is not the code's");
  constexpr size_t kMebibyte = 1 << 20;
  for (const char* unit :
       {"a", " ", "\n", " \n", "\t ", "'", "1", "!", " a", "a ", "\xE2\x80\x8B", "\xFF", "'l", "  1", "\r \r"}) {
    std::string text;
    while (text.size() < kMebibyte) text += unit;
    for (const WordRules rules : kAllRules) EXPECT_LT(cpu_seconds(rules, text), 1.0) << unit;
  }
}

}  // namespace
}  // namespace magma
