#include "magma/text/tokenizer_file.h"

#include <fstream>
#include <functional>

#include <gmock/gmock.h>

#include "magma/core/clock.h"
#include "magma/core/error.h"
#include "magma/core/random.h"
#include "tests/support/temporary_folder.h"
#include "tests/text/fixture_files.h"

namespace magma {
namespace {

using testing::HasSubstr;

// A whole tokenizer, small enough to change anything in it.
Json whole() { return read_json(text_fixture("small/tokenizer.json")); }

struct Fault {
  const char* pointer;  // what is replaced
  const char* value;    // by this JSON; empty: removed
  ErrorCode code;
  const char* named;  // part of the error line
};

std::string refusal(const std::string& text, ErrorCode code) {
  try {
    parse_tokenizer(text, "tokenizer.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.line();
    EXPECT_EQ(error.fields().file, "tokenizer.json") << error.line();
    return error.line();
  }
  return "accepted";
}

constexpr ErrorCode kMalformed = ErrorCode::Malformed, kRefused = ErrorCode::Refused;

constexpr Fault kFaults[] = {
    // What no tokenizer has.
    {"/model", "", kMalformed, "/model"},
    {"/model", "null", kMalformed, "/model"},
    {"/model", "[]", kMalformed, "/model"},
    {"/model/vocab", "", kMalformed, "/model"},
    {"/model/vocab", "{}", kMalformed, "/model/vocab"},
    {"/model/vocab", "[]", kMalformed, "byte"},
    {"/model/vocab", "{\"a\":-1}", kMalformed, "/model/vocab/a"},
    {"/model/vocab", "{\"a\":2147483648}", kMalformed, "/model/vocab/a"},
    {"/model/vocab", "{\"a\":18446744073709551616}", kMalformed, "byte"},
    {"/model/vocab", "{\"a\":0.5}", kMalformed, "byte"},
    {"/model/vocab", "{\"a\":1e3}", kMalformed, "byte"},
    {"/model/vocab", "{\"a\":\"0\"}", kMalformed, "byte"},
    {"/model/vocab", "{\"a\":null}", kMalformed, "byte"},
    {"/model/vocab", "{\"\":0}", kMalformed, "empty token"},
    {"/model/vocab", "{\"a\":0,\"b\":0}", kMalformed, "two tokens with one id"},
    {"/model/vocab", "{\"<|endoftext|>\":0,\"<|im_start|>\":1,\"<|im_end|>\":2,\"a\":3,\"b\":5}", kMalformed,
     "gap in the ids"},
    {"/model/vocab/a", "3999999", kMalformed, "/model/vocab"},
    {"/model/vocab/<|endoftext|>", "341", kMalformed, "/model/vocab"},
    {"/model/merges", "", kMalformed, "/model"},
    {"/model/merges", "{}", kMalformed, "byte"},
    {"/model/merges/0", "\"a\"", kMalformed, "/model/merges/0"},
    {"/model/merges/0", "\"a b c\"", kMalformed, "/model/merges/0"},
    {"/model/merges/1", "[\"a\"]", kMalformed, "not a merge"},
    {"/model/merges/1", "[\"a\",\"b\",\"c\"]", kMalformed, "not a merge"},
    {"/model/merges/1", "[\"a\",1]", kMalformed, "byte"},
    {"/model/merges/1", "7", kMalformed, "byte"},
    {"/model/merges/1", "[\"a\",\"nosuchtoken\"]", kMalformed, "/model/merges/1"},
    {"/model/merges/1", "[\"a\",\"!\"]", kMalformed, "lacks"},
    {"/model/merges/1", "[\"a\",\" \"]", kMalformed, "alphabet"},
    {"/model/merges/1", "[\"<|im_start|\",\">\"]", kMalformed, "lacks"},
    {"/model/type", "", kMalformed, "/model"},
    {"/model/ignore_merges", "1", kMalformed, "ignore_merges"},
    {"/model/more", "1", kMalformed, "more"},
    {"/more", "1", kMalformed, "/more"},
    {"/added_tokens", "{}", kMalformed, "/added_tokens"},
    {"/added_tokens/0/id", "-1", kMalformed, "/added_tokens/0/id"},
    {"/added_tokens/0/id", "1", kMalformed, "/added_tokens/0"},
    {"/added_tokens/0/id", "\"0\"", kMalformed, "/added_tokens/0/id"},
    {"/added_tokens/0/content", "\"\"", kMalformed, "/added_tokens/0/content"},
    {"/added_tokens/0/content", "\"other\"", kMalformed, "differs from the vocabulary"},
    {"/added_tokens/3/content", "\"<file>name\"", kMalformed, "added token"},
    {"/added_tokens/4/id", "400", kMalformed, "gap in the ids"},
    {"/added_tokens/4/special", "3", kMalformed, "special"},
    {"/added_tokens/4/surprise", "3", kMalformed, "surprise"},
    {"/pre_tokenizer", "3", kMalformed, "/pre_tokenizer"},
    {"/decoder", "", kMalformed, "/decoder"},
    {"/post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[],\"special_tokens\":{}}", kMalformed,
     "/post_processor/single"},
    {"/post_processor",
     "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}}],\"special_tokens\":{}}",
     kMalformed, "x"},
    {"/post_processor",
     "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}},{\"Sequence\":{\"id\":\"A\"}}],"
     "\"special_tokens\":{\"x\":{\"ids\":[343]}}}",
     kMalformed, "no such token"},
    // What some tokenizers have and this one does not follow.
    {"/model/type", "\"WordPiece\"", kRefused, "WordPiece"},
    {"/model/type", "\"Unigram\"", kRefused, "Unigram"},
    {"/model/dropout", "0.1", kRefused, "/model/dropout"},
    {"/model/byte_fallback", "true", kRefused, "/model/byte_fallback"},
    {"/model/end_of_word_suffix", "\"</w>\"", kRefused, "</w>"},
    {"/model/continuing_subword_prefix", "\"##\"", kRefused, "##"},
    {"/model/unk_token", "\"<|endoftext|>\"", kRefused, "/model/unk_token"},
    {"/normalizer", "{\"type\":\"NFC\"}", kRefused, "NFC"},
    {"/truncation", "{\"max_length\":8}", kRefused, "/truncation"},
    {"/padding", "{\"strategy\":\"BatchLongest\"}", kRefused, "/padding"},
    {"/pre_tokenizer", "null", kRefused, "/pre_tokenizer"},
    {"/pre_tokenizer", "{\"type\":\"Metaspace\"}", kRefused, "Metaspace"},
    {"/pre_tokenizer/pretokenizers/0", "{\"type\":\"Punctuation\"}", kRefused, "Punctuation"},
    {"/pre_tokenizer/pretokenizers/0/individual_digits", "false", kRefused, "individual_digits"},
    {"/pre_tokenizer/pretokenizers/1/add_prefix_space", "true", kRefused, "add_prefix_space"},
    {"/pre_tokenizer/pretokenizers/1/use_regex", "false", kRefused, "use_regex"},
    {"/pre_tokenizer/pretokenizers/2", "{\"type\":\"ByteLevel\"}", kRefused, "unknown sequence"},
    {"/decoder", "{\"type\":\"WordPiece\"}", kRefused, "WordPiece"},
    {"/post_processor", "{\"type\":\"RobertaProcessing\"}", kRefused, "RobertaProcessing"},
    {"/added_tokens/0/lstrip", "true", kRefused, "/added_tokens/0/lstrip"},
    {"/added_tokens/0/rstrip", "true", kRefused, "/added_tokens/0/rstrip"},
    {"/added_tokens/0/single_word", "true", kRefused, "/added_tokens/0/single_word"},
};

TEST(TokenizerFile, EveryFaultIsNamedWithItsPlace) {
  ASSERT_NO_THROW(parse_tokenizer(whole().dump(), "tokenizer.json"));
  for (const Fault& fault : kFaults) {
    Json changed = whole();
    const Json::json_pointer pointer(fault.pointer);
    if (*fault.value != '\0') {
      changed[pointer] = Json::parse(fault.value, nullptr, true);
      // A number too large for JSON's integers would have been rounded.
      std::string text = changed.dump();
      if (std::string_view(fault.value).find("18446744073709551616") != std::string_view::npos) {
        text.replace(text.find("1.8446744073709552e+19"), 22, "18446744073709551616");
      }
      EXPECT_THAT(refusal(text, fault.code), HasSubstr(fault.named)) << fault.pointer << " = " << fault.value;
    } else {
      changed.at(pointer.parent_pointer()).erase(pointer.back());
      EXPECT_THAT(refusal(changed.dump(), fault.code), HasSubstr(fault.named)) << fault.pointer << " removed";
    }
  }
}

TEST(TokenizerFile, CatastrophicPatternsAreNotRun) {
  const std::string split = R"({"type":"Split","pattern":{"Regex":""},"behavior":"Isolated","invert":false})";
  for (const char* pattern : {"(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*)*x", R"((\w+\s?)*$)", R"((?:\D+|<\d+>)*[!?])",
                              R"(^(([a-z])+.)+[A-Z]([a-z])+$)", R"((x+x+)+y)", R"(\s+$)", R"((?=(a+))\1b)",
                              R"((\p{L}+)*\p{N})", R"(([^"\\]|\\.)*")"}) {
    Json changed = whole();
    changed["pre_tokenizer"]["pretokenizers"][0] = Json::parse(split);
    changed["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = pattern;
    changed["pre_tokenizer"]["pretokenizers"][1]["use_regex"] = false;
    EXPECT_THAT(refusal(changed.dump(), kRefused), HasSubstr("unknown pre-tokenizer pattern")) << pattern;
  }
}

TEST(TokenizerFile, KeysThatAppearTwiceAreRefusedEverywhere) {
  const std::string text = whole().dump();
  const auto with_twice = [&](const std::string& member) {
    const std::string start = member.substr(0, member.find(':') + 1);
    std::string changed = text;
    const size_t at = changed.find(start);
    EXPECT_NE(at, std::string::npos) << member;
    return changed.insert(at, member + ",");
  };
  for (const char* member : {"\"model\":{}", "\"vocab\":{}", "\"merges\":[]", "\"version\":\"1\"",
                             "\"ignore_merges\":true", "\"special\":true", "\"add_prefix_space\":true"}) {
    EXPECT_THAT(refusal(with_twice(member), kMalformed), HasSubstr("twice")) << member;
  }
  EXPECT_THAT(refusal(with_twice("\"a\":3000"), kMalformed), testing::Not("accepted"));
}

TEST(TokenizerFile, IsRefusedWhereverItIsCutOff) {
  const std::string text = whole().dump();
  for (size_t length = 0; length < text.size(); length += length < 3000 ? 1 : 7) {
    EXPECT_THAT(refusal(text.substr(0, length), kMalformed), HasSubstr("byte")) << length;
  }
  EXPECT_THAT(refusal(text + "x", kMalformed), HasSubstr("something follows"));
  EXPECT_THAT(refusal("\xEF\xBB\xBF" + text, kMalformed), HasSubstr("byte 0"));
}

TEST(TokenizerFile, DamagedBytesGiveATokenizerOrAnError) {
  const std::string text = whole().dump();
  Rng rng(9);
  int accepted = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string changed = text;
    for (int64_t n = rng.integer(1, 3); n > 0; --n) {
      changed[static_cast<size_t>(rng.integer(0, static_cast<int64_t>(text.size()) - 1))] =
          static_cast<char>(rng.integer(0, 255));
    }
    try {
      const Tokenizer tokenizer = parse_tokenizer(changed, "tokenizer.json");
      for (const TokenId id : tokenizer.encode("Hello, w\xC3\xB6rld 123 <|im_end|>", true, true))
        EXPECT_LT(id, tokenizer.size());
      ++accepted;
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == kMalformed || error.code() == kRefused) << error.line();
      EXPECT_LE(error.line().size(), 512U);
    }
  }
  EXPECT_LT(accepted, 1000);
}

TEST(TokenizerFile, DepthIsBounded) {
  std::string deep(100000, '[');
  EXPECT_THAT(refusal("{\"version\":" + deep + "}", kMalformed), testing::Not("accepted"));
  deep += std::string(100000, ']');
  EXPECT_THAT(refusal("{\"version\":" + deep + "}", kRefused), HasSubstr("64 levels"));
}

TEST(SlowTokenizerFile, AMillionMergesLoadInSeconds) {
  std::vector<std::string> words = {""};
  Json file = whole();
  Json &vocabulary = file["model"]["vocab"], &merges = file["model"]["merges"];
  merges = Json::array();
  auto next = static_cast<int64_t>(vocabulary.size());
  for (int length = 1; length <= 4; ++length) {
    std::vector<std::string> longer;
    for (const std::string& word : words) {
      for (char c = 'a'; c <= 'z'; ++c) longer.push_back(word + c);
    }
    words = std::move(longer);
    for (const std::string& word : words) {
      if (!vocabulary.contains(word)) vocabulary[word] = next++;
      for (size_t at = 1; at < word.size(); ++at) merges.push_back(word.substr(0, at) + " " + word.substr(at));
    }
  }
  file["added_tokens"] = Json::array();
  ASSERT_GT(merges.size(), 1'000'000U);
  const std::string text = file.dump();
  const Stopwatch watch;
  const Tokenizer tokenizer = parse_tokenizer(text, "tokenizer.json");
  EXPECT_LT(watch.seconds(), 20);
  EXPECT_EQ(tokenizer.encode("wxyz", false, false).size(), 1U);
  merges.push_back("a b");
  EXPECT_THAT(refusal(file.dump(), kMalformed), HasSubstr("/model/merges"));
}

TEST(TokenizerFile, EscapesInTheVocabularyAreRead) {
  Json file = whole();
  std::string text = file.dump(-1, ' ', true);  // every character that is not ASCII becomes \uXXXX
  ASSERT_NE(text.find("\\u0120"), std::string::npos);
  const Tokenizer plain = parse_tokenizer(file.dump(), ""), escaped = parse_tokenizer(text, "");
  for (TokenId id = 0; id < plain.size(); ++id) EXPECT_EQ(plain.bytes(id), escaped.bytes(id));
  const std::string spaced = file.dump(2);
  EXPECT_EQ(parse_tokenizer(spaced, "").encode("The quick", true, true), plain.encode("The quick", true, true));
  for (const char* escape : {"\\x41", "\\ud800", "\\ud800\\u0041", "\\udc00", "\\u12", "\\u+123", "\\"}) {
    std::string changed = file.dump();
    changed.insert(changed.find("\"vocab\":{\"") + 10, escape);
    EXPECT_THAT(refusal(changed, kMalformed), testing::Not("accepted")) << escape;
  }
}

class Folder {
 public:
  Folder() { write("tokenizer.json", whole().dump()); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_.path() / name) << text; }
  TokenizerFolder read() const { return read_tokenizer_folder(folder_.path()); }

 private:
  TemporaryFolder folder_;
};

TEST(TokenizerFolderTest, TheConfigurationIsOptional) {
  const TokenizerFolder folder = Folder().read();
  EXPECT_EQ(folder.chat_template, "");
  EXPECT_FALSE(folder.tokenizer.answer_options().clean_up);
}

TEST(TokenizerFolderTest, TokensAndTemplatesAreFoundInEitherForm) {
  const Folder folder;
  folder.write("tokenizer_config.json",
               R"({"bos_token":{"content":"<s>"},"eos_token":"</s>","clean_up_tokenization_spaces":true,
      "chat_template":[{"name":"tool_use","template":"x"},{"name":"default","template":"y"}]})");
  const TokenizerFolder read = folder.read();
  EXPECT_EQ(read.begin_text + read.end_text + read.chat_template, "<s></s>y");
  EXPECT_TRUE(read.tokenizer.answer_options().clean_up);
  folder.write("chat_template.jinja", "z");
  EXPECT_EQ(folder.read().chat_template, "z");
}

// transformers writes "no limit" so.
TEST(TokenizerFolderTest, ALengthBeyond64BitsIsRead) {
  const Folder folder;
  folder.write("tokenizer_config.json", R"({"eos_token":"</s>","model_max_length":1000000000000000019884624838656})");
  EXPECT_EQ(folder.read().end_text, "</s>");
}

TEST(TokenizerFolderTest, FilesThatDisagreeAreRefused) {
  const Folder folder;
  for (const char* decoder : {R"({"0":{"content":"<|im_end|>"}})", R"({"x":{"content":"<|endoftext|>"}})",
                              R"({"999":{"content":"new"}})", R"({"0":{}})", R"({"0":7})"}) {
    folder.write("tokenizer_config.json", std::string("{\"added_tokens_decoder\":") + decoder + "}");
    try {
      folder.read();
      ADD_FAILURE() << decoder;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), kMalformed);
      EXPECT_THAT(error.line(), HasSubstr("/added_tokens_decoder"));
    }
  }
}

}  // namespace
}  // namespace magma
