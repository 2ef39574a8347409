// magma chat and magma doctor: the reference's answers from pictures and words, and what is said of a folder.
#include <gmock/gmock.h>

#include "tests/apps/program_case.h"
#include "tests/support/sanitizers.h"

namespace magma {
namespace {

const Path kFixtures = Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model";

class ChatCommand : public ProgramCase {
 protected:
  ChatCommand() { std::filesystem::copy(kFixtures / "checkpoints/tiny-names", path("model")); }

  static std::string picture(const std::string& name) { return kFixtures / "images" / name; }

  ProgramRun chat(std::vector<std::string> words) const {
    words.insert(words.begin(), {"chat", "--model", "model"});
    return run(words);
  }
  Json answers(std::vector<std::string> words) const {
    words.emplace_back("--json");
    const ProgramRun done = chat(words);
    EXPECT_EQ(done.status, 0) << done.err;
    return parse_json(done.out, "stdout")["answers"];
  }

  // The file of the folder with one text replaced.
  void change(const std::string& file, const std::string& from, const std::string& to) const {
    std::string text = text_of("model/" + file);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write("model/" + file, text.replace(at, from.size(), to));
  }
};

// The words of a row of cases.json for the command line.
std::vector<std::string> words_of(const Json& fixture, const Json& row) {
  std::vector<std::string> words = {"--max-tokens", fixture["greedy"]["max_new_tokens"].dump(), "--system", ""};
  Json messages = row["messages"];
  if (messages[0]["role"] == "system") {
    words.back() = messages[0]["content"].get<std::string>();
    messages.erase(0);
  }
  auto question = messages[0]["content"].get<std::string>();
  const Json images = row.value("images", Json::array());
  for (const Json& image : images) {
    words.insert(words.end(), {"--image", kFixtures / "images" / image.get<std::string>()});
    question = question.substr(std::string("<image>\n").size());
  }
  if (row.contains("num_crops")) words.insert(words.end(), {"--crops", row["num_crops"].dump()});
  if (!fixture["greedy"]["allowed_ids"].is_null()) words.insert(words.end(), {"--as", "action"});
  words.push_back(question);
  return words;
}

TEST_F(ChatCommand, AnswersAsTheReferenceFromPicturesAndWords) {
  int compared = 0;
  const Json all = read_json(kFixtures / "reference/tiny-names/cases.json");
  for (const Json& fixture : all["cases"]) {
    if (fixture["name"] == "grid_global") continue;  // its picture is large
    for (size_t r = 0; r < fixture["rows"].size(); ++r) {
      Json expected = fixture["greedy"]["rows"][r]["tokens"];
      const auto length = fixture["greedy"]["rows"][r]["length"].get<size_t>();
      expected.erase(expected.begin() + static_cast<ptrdiff_t>(length), expected.end());
      const Json answer = answers(words_of(fixture, fixture["rows"][r]))[0];
      EXPECT_EQ(answer["ids"], expected) << fixture["name"] << " row " << r;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 7);
}

TEST_F(ChatCommand, StreamsWhatItSaysAndGoesOnWithTheNextTurn) {
  const std::vector<std::string> words = {"--image", picture("square.png"), "Where?", "And now?", "--max-tokens", "8"};
  const Json both = answers(words);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_GT(both[1]["prompt_tokens"], both[0]["prompt_tokens"]);
  EXPECT_THAT(chat(words).out, testing::HasSubstr(both[0]["text"].get<std::string>()));
  EXPECT_EQ(answers({"Where?", "--max-tokens", "8", "--threads", "1"})[0]["ids"],
            answers({"Where?", "--max-tokens", "8", "--threads", "3"})[0]["ids"]);
}

TEST_F(ChatCommand, WhatAUserWritesIsNeverASpecialToken) {
  const int64_t plain = answers({"<image> <|eot_id|>", "--max-tokens", "1"})[0]["prompt_tokens"];
  const int64_t none = answers({"", "--max-tokens", "1"})[0]["prompt_tokens"];
  EXPECT_GT(plain, none + 4);  // spelled out, and no picture is missed
}

TEST_F(ChatCommand, DrawsTheSameForTheSameSeed) {
  const auto drawn = [this](const std::string& seed) {
    return answers({"Where?", "--max-tokens", "12", "--temperature", "5", "--seed", seed})[0]["ids"];
  };
  EXPECT_EQ(drawn("1"), drawn("1"));
  EXPECT_NE(drawn("1"), drawn("2"));
}

TEST_F(ChatCommand, LookupChangesNoAnswer) {
  const std::vector<std::string> ask = {"one two three one two three one two three", "And now?", "--max-tokens", "40"};
  const Json plain = answers(ask);
  std::vector<std::string> with = ask;
  with.insert(with.end(), {"--lookup", "7", "--cache", "f32"});
  const Json got = answers(with);
  ASSERT_EQ(got.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(got[i]["ids"], plain[i]["ids"]);
    EXPECT_EQ(got[i]["text"], plain[i]["text"]);
    EXPECT_GE(got[i]["lookup"]["drafted"], got[i]["lookup"]["accepted"]);
    EXPECT_FALSE(plain[i].contains("lookup"));
  }
  fails(2, {"chat", "--model", "model", "--lookup", "4", "--temperature", "1", "Where?"}, "temperature 0");
}

TEST_F(ChatCommand, SaysThatThereIsNoSuchAnswer) {
  const ProgramRun done = chat({"Where?", "--max-tokens", "6", "--as", "point"});
  EXPECT_EQ(done.status, 3);
  const Json answer = parse_json(done.out, "stdout");
  EXPECT_EQ(answer["found"], false);
  EXPECT_FALSE(answer["why"].get<std::string>().empty());
}

TEST_F(ChatCommand, GivesAnActionInTheUnitsOfADataSet) {
  const Json answer = answers({"--image", picture("exact.png"), "What action should the robot take to lift the can?",
                               "--as", "action", "--statistics", "bridge_orig"})[0]["answer"];
  ASSERT_EQ(answer["token_ids"].size(), 7U);
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_LE(std::abs(answer["normalized_actions"][i].get<double>()), 1.0);
  }
  EXPECT_EQ(answer["unnorm_key"], "bridge_orig");
  EXPECT_LE(std::abs(answer["actions"][0].get<double>()), 0.03);  // metres
}

TEST_F(ChatCommand, SaysWhatIsWrong) {
  const std::vector<std::string> ask = {"chat", "--model", "model"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), ask.begin(), ask.end());
    return more;
  };
  fails(5, with({"--image", "none.png", "Where?"}), "none.png");
  write("text.png", "no picture");
  fails(3, with({"--image", "text.png", "Where?"}), "text.png");
  fails(2, with({"--as", "poem", "Where?"}), "--as");
  fails(2, with({"--as", "action", "--statistics", "mars", "Where?"}), "bridge_orig");
  fails(2, with({"--statistics", "bridge_orig", "Where?"}), "--as action");
  fails(5, {"chat", "--model", "nowhere", "Where?"}, "nowhere");
  change("config.json", "\"image_token_index\": ", "\"image_token_index\": 1");
  fails(3, with({"Where?"}), "/image_token_index");
}

TEST_F(ChatCommand, AFileThatIsCutWhileItIsMappedEndsWithAnError) {
  MAGMA_NOT_UNDER_THREAD_SANITIZER("it takes the signal");
  const ProgramRun done = run_words(
      {"bash", "-c", "(sleep 1; truncate -s 0 model/*.safetensors; echo Where?) | \"$0\" chat --model model", "magma"});
  EXPECT_EQ(done.status, 5);
  expect_one_line(done.err, "cut short", "chat");
}

TEST_F(ChatCommand, TheDoctorFindsWhatIsWrongAndGoesOn) {
  const ProgramRun right = run({"doctor", "--model", "model", "--json"});
  EXPECT_EQ(right.status, 0) << right.out;
  const Json checks = parse_json(right.out, "stdout")["checks"];
  EXPECT_EQ(checks.size(), 8U);
  for (const Json& check : checks) EXPECT_EQ(check["ok"], true) << check;

  std::filesystem::remove(path("model/tokenizer.json"));
  const ProgramRun wrong = run({"doctor", "--model", "model", "--json"});
  EXPECT_EQ(wrong.status, 5);
  const Json found = parse_json(wrong.out, "stdout")["checks"];
  EXPECT_EQ(found[1]["ok"], false);
  EXPECT_THAT(found[1]["error"]["file"].get<std::string>(), testing::HasSubstr("tokenizer.json"));
  EXPECT_EQ(found[4]["ok"], true) << "weights do not need it";
  EXPECT_EQ(found[6]["skipped"], true);
}

TEST_F(ChatCommand, InfoShowsPartsAndMemory) {
  const ProgramRun done = run({"info", "model", "--context", "100", "--json"});
  ASSERT_EQ(done.status, 0) << done.err;
  const Json facts = parse_json(done.out, "stdout");
  int64_t parameters = 0;
  for (const auto& [name, part] : facts["parts"].items()) {
    EXPECT_NE(name, "other");
    parameters += part["parameters"].get<int64_t>();
  }
  EXPECT_EQ(facts["parameters"], parameters);
  EXPECT_EQ(facts["memory"]["weights_f32"], 4 * parameters);
  const Json& text = facts["text"];
  const int64_t head = text["hidden"].get<int64_t>() / text["heads"].get<int64_t>();
  const int64_t rows = 100 * 2 * text["layers"].get<int64_t>() * text["key_value_heads"].get<int64_t>();
  EXPECT_EQ(facts["memory"]["cache_f32"], rows * 4 * head);
  EXPECT_EQ(facts["memory"]["cache_bf16"], rows * 2 * head);
  EXPECT_EQ(facts["memory"]["cache_int8"], rows * (head + 4));
}

}  // namespace
}  // namespace magma
