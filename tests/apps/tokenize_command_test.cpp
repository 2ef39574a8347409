// magma tokenize: ids, pieces, and back.
#include <gmock/gmock.h>

#include "tests/apps/program_case.h"

namespace magma {
namespace {

class TokenizeCommand : public ProgramCase {
 protected:
  static std::string model(const std::string& name) { return Path(MAGMA_SOURCE_DIR) / "tests/text/fixtures" / name; }
  ProgramRun tokenize(std::vector<std::string> words, const std::string& name = "tiny-f32") const {
    words.insert(words.begin(), {"tokenize", "--model", model(name)});
    return run(words);
  }
  Json json_of(std::vector<std::string> words) const {
    words.emplace_back("--json");
    const ProgramRun done = tokenize(words);
    EXPECT_EQ(done.status, 0) << done.err;
    return parse_json(done.out, "stdout");
  }
};

TEST_F(TokenizeCommand, ShowsIdsAndPiecesWithTheAutomaticBeginToken) {
  const Json text = json_of({"the robot\xC3\xA4"})["texts"][0];
  EXPECT_EQ(text["ids"][0], 896);
  std::string joined;
  for (const Json& piece : text["pieces"]) joined += piece.get<std::string>();
  EXPECT_THAT(joined, testing::StartsWith("<|begin_of_text|>the robot"));
  const Json plain = json_of({"the robot", "--no-bos"})["texts"][0];
  EXPECT_NE(plain["ids"][0], 896);
  EXPECT_THAT(tokenize({"the robot", "--no-bos"}).out, testing::HasSubstr(" tokens: "));
}

TEST_F(TokenizeCommand, DecodesWhatItEncodes) {
  const Json ids = json_of({"--special", "--no-bos", "a  b<|eot_id|>"})["texts"][0]["ids"];
  std::vector<std::string> words{"--decode"};
  for (const Json& id : ids) words.push_back(id.dump());
  EXPECT_EQ(tokenize(words).out, "a  b<|eot_id|>\n");
  words.emplace_back("--skip-special");
  EXPECT_EQ(tokenize(words).out, "a  b\n");
}

TEST_F(TokenizeCommand, SpecialTokensAreTextUnlessAskedFor) {
  EXPECT_EQ(json_of({"--no-bos", "--special", "<|eot_id|>"})["texts"][0]["ids"], Json::array({905}));
  EXPECT_GT(json_of({"--no-bos", "<|eot_id|>"})["texts"][0]["ids"].size(), 3U);
}

TEST_F(TokenizeCommand, TheChatTemplateWritesASecondBeginToken) {
  const Json ids = json_of({"--chat", "hello <|eot_id|>"})["texts"][0]["ids"];
  EXPECT_EQ(ids[0], 896);
  EXPECT_EQ(ids[1], 896);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), Json(905)), 1);
  fails(2, {"tokenize", "--model", model("small"), "--chat", "x"}, "no chat template");
}

TEST_F(TokenizeCommand, ReadsTextsFromStandardInputAndLines) {
  const ProgramRun piped = run_words(
      {"sh", "-c", "printf 'a\\377b' | \"$0\" tokenize --model \"$1\" --no-bos -", "magma", model("tiny-f32")});
  EXPECT_EQ(piped.status, 0) << piped.err;
  EXPECT_THAT(piped.out, testing::HasSubstr("a|\\xff|b"));
  write("texts.jsonl", "\"the robot\"\n\"\"\n");
  const ProgramRun lines = tokenize({"--lines", "texts.jsonl"});
  EXPECT_EQ(lines.out, dump_json(json_of({"the robot"})["texts"][0]["ids"]) + "\n[896]\n");
  write("numbers.jsonl", "\"a\"\n7\n");
  fails(3, {"tokenize", "--model", model("tiny-f32"), "--lines", "numbers.jsonl"}, "line 2");
}

TEST_F(TokenizeCommand, SaysWhatIsWrong) {
  fails(2, {"tokenize", "--model", model("tiny-f32")}, "nothing to do");
  fails(2, {"tokenize", "x"}, "--model");
  fails(2, {"tokenize", "--model", model("tiny-f32"), "--decode", "1157"}, "no such token");
  fails(2, {"tokenize", "--model", model("tiny-f32"), "--decode", "-1"}, "no such token");
  fails(5, {"tokenize", "--model", "nowhere", "x"}, "nowhere/tokenizer.json");
  std::filesystem::create_directory(path("broken"));
  write("broken/tokenizer.json", "{\"model\":{}}");
  fails(3, {"tokenize", "--model", "broken", "x"}, "/model");
}

}  // namespace
}  // namespace magma
