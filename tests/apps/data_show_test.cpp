// magma data show for people: text, tokens with loss, pages; and what magma info says of data.
#include "tests/apps/data_case.h"

namespace magma {
namespace {

class DataShow : public DataCase {
 protected:
  DataShow() {
    write("talk/items.json", R"([{"conversations":[{"from":"human","value":"<script>alert(1)</script> & \"more\""},)"
                             R"({"from":"gpt","value":"an answer"}]}])");
  }
  std::string shown(std::vector<std::string> words) const {
    words.insert(words.begin(), {"data", "show"});
    const ProgramRun done = run(words);
    EXPECT_EQ(done.status, 0) << done.err;
    return done.out;
  }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(path(name).parent_path());
    write_file_atomically(path(name), text);
  }
};

TEST_F(DataShow, TokensWithLossAreMarked) {
  const std::vector<std::string> words = {"talk/items.json", "--set", "data.tags=[llava]", "--tokenizer", tokenizer()};
  const std::string plain = shown(words);
  EXPECT_NE(plain.find("«an answer<|eot_id|>»"), std::string::npos) << plain;
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
  auto with_colour = words;
  with_colour.insert(with_colour.end(), {"--colour", "always"});
  EXPECT_NE(shown(with_colour).find("\x1b[1;32man answer<|eot_id|>\x1b[0m"), std::string::npos);
}

TEST_F(DataShow, ControlCharactersOfAFileDoNotReachTheTerminal) {
  write("talk/bad.json", R"([{"conversations":[{"from":"human","value":"a\u001b[2Jb"},{"from":"gpt","value":"c"}]}])");
  const std::string text = shown({"talk/bad.json", "--set", "data.tags=[llava]", "--tokenizer", tokenizer()});
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
}

TEST_F(DataShow, NothingOfAFileReordersALineOfTheTerminal) {
  write("talk/bad.json", R"([{"conversations":[{"from":"human","value":"a\u202eb\u0085c\u2066d\u00e9"},)"
                         R"({"from":"gpt","value":"c"}]}])");
  const std::string text = shown({"talk/bad.json", "--set", "data.tags=[llava]"});
  EXPECT_NE(text.find("a?b?c?d\u00e9"), std::string::npos) << text;
}

TEST_F(DataShow, APictureIsSaidWithFormatAndSizeWhereverItLies) {
  succeeds({"data", "make", "questions", "-o", "questions", "--count", "2"});
  const std::string text = shown({"questions/questions.yaml", "--count", "1"});
  const auto bytes = std::filesystem::file_size(path("questions/images/000000.jpg"));
  const std::string said = "  picture    images/000000.jpg: jpeg, 256 x 256 px, " + std::to_string(bytes) + " bytes\n";
  EXPECT_NE(text.find(said), std::string::npos) << text;
  std::filesystem::remove(path("questions/images/000000.jpg"));
  EXPECT_NE(shown({"questions/questions.yaml", "--count", "1"}).find("000000.jpg: no such file\n"), std::string::npos);
}

// 24 of the 256 px that are 0.4 m, the farthest there is, and 16 of them: two thirds of it.
TEST_F(DataShow, AnActionIsSaidAsStoredNormalisedAndAsBin) {
  succeeds({"data", "make", "robot", "-o", "robot", "--count", "6"});
  const std::string text = shown({"robot/openx.yaml", "--count", "1"});
  EXPECT_NE(text.find("  x            -0.03750    -1.00000    1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  y            -0.02500    -0.66667   43\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  z             0.00000     0.00000  128\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  gripper       1.00000     1.00000  256\n"), std::string::npos) << text;
}

TEST_F(DataShow, AnActionThatIsStoredNormalisedIsShown) {
  const std::string robot = "open-x-traces-v2/bridge_orig/5/7";
  std::filesystem::create_directories(path(robot).parent_path());
  std::filesystem::copy(Path(MAGMA_SOURCE_DIR) / "tests/data/fixtures/traces/robot.pth", path(robot + ".pth"));
  write("items.json", R"(["open-x-traces-v2/bridge_orig/5/7.pth"])");
  const std::string settings = "data.tags=[openx_magma]";
  const std::string text =
      shown({"items.json", "--set", settings, "--set", "data.images=false", "--set", "data.som_tom=false"});
  EXPECT_NE(text.find("  x             unknown     0.50000  192\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  roll          unknown    -1.00000    1\n"), std::string::npos) << text;
}

TEST_F(DataShow, APageShowsAFrameAsTheTrainerTakesIt) {
  succeeds({"data", "make", "robot", "-o", "robot", "--count", "2"});
  succeeds({"data", "show", "robot/openx.yaml", "--count", "1", "--html", "page.html", "--set", "data.image_size=128"});
  const std::string page = text_of("page.html");
  EXPECT_NE(page.find("128 x 128 px, stored 256 x 256 px"), std::string::npos);
  const std::string mark = "data:image/jpeg;base64,";
  const size_t begin = page.find(mark) + mark.size();
  write("base64", page.substr(begin, page.find('"', begin) - begin));
  ASSERT_EQ(run_words({"bash", "-c", "base64 -d base64 > picture.jpg"}).status, 0);
  EXPECT_EQ(parse_json(run({"info", "picture.jpg", "--json"}).out, "stdout")["w"], 128);
}

TEST_F(DataShow, StoredRecordsAreShownToPeopleByLinesAndToProgramsAsJson) {
  succeeds({"data", "make", "robot", "-o", "robot", "--count", "2"});
  const std::string text = shown({"robot/bridge_orig/1.0.0", "--raw", "--count", "1"});
  EXPECT_NE(text.find("tfrecord-00000-of-00001 record 0: episode 0, split train, steps "), std::string::npos) << text;
  EXPECT_NE(text.find("  episode_metadata/file_path  string  episode_000000\n"), std::string::npos) << text;
  EXPECT_NE(text.find("]  jpeg, 256 x 256 px, "), std::string::npos) << text;
  const std::string json = shown({"robot/bridge_orig/1.0.0", "--raw", "--count", "1", "--json"});
  EXPECT_EQ(parse_json(json, "stdout")["origin"]["record"], 0);
  write("talk/raw.jsonl", R"({"a":{"b":[1,2]},"list":[{"c":"x\u001b[2J\ny"}]})");
  EXPECT_EQ(shown({"talk/raw.jsonl", "--raw"}),
            "raw.jsonl item 0\n  a\n    b  [1,2]\n  list\n    [0]\n      c  x?[2J\n         y\n\n");
}

TEST_F(DataShow, WhatIsNoListOfSamplesPointsToRaw) {
  fails(3, {"data", "show", std::string(MAGMA_SOURCE_DIR) + "/tests/data/fixtures/traces/clip.pth"}, "--raw");
}

TEST_F(DataShow, APageHoldsEverythingAndRunsNothing) {
  for (const char* name : {"robot", "clips", "screens"}) {
    succeeds({"data", "make", name, "-o", name, "--count", "2"});
    const std::string config = std::string(name) + "/" + (name == std::string("robot") ? "openx" : name) + ".yaml";
    succeeds({"data", "show", config, "--count", "2", "--html", "page.html", "--tokenizer", tokenizer()});
    const std::string page = text_of("page.html");
    EXPECT_NE(page.find("<img alt=\""), std::string::npos) << name;
    EXPECT_NE(page.find("with loss</b></summary>"), std::string::npos) << name;
    for (const char* outside : {"http://", "https://", "<script", "<link", "<iframe"}) {
      EXPECT_EQ(page.find(outside), std::string::npos) << name << outside;
    }
    EXPECT_EQ(page.find("src=\"data:") == std::string::npos, false);
    const bool traces = page.find("with the traces of the answer") != std::string::npos;
    EXPECT_EQ(traces, name == std::string("clips"));
  }
}

TEST_F(DataShow, TextOfAFileIsTextOnThePage) {
  succeeds({"data", "show", "talk/items.json", "--set", "data.tags=[llava]", "--html", "page.html"});
  const std::string page = text_of("page.html");
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;"), std::string::npos);
}

TEST_F(DataShow, AFailureLeavesNoPage) {
  write("talk/items.json", R"([{"image":"absent.png","conversations":[{"from":"human","value":"<image>\nwhat?"},)"
                           R"({"from":"gpt","value":"this"}]}])");
  fails(5, {"data", "show", "talk/items.json", "--set", "data.tags=[llava]", "--html", "page.html"}, "absent.png");
  fails(2, {"data", "show", "talk/items.json", "--raw", "--html", "page.html"}, "--raw");
}

TEST_F(DataShow, OfASourceThatBreaksOffOnlyTheSamplesBeforeItAreOnStdout) {
  write("talk/items.jsonl", R"({"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]})"
                            "\n{\n");
  const ProgramRun done = run({"data", "show", "talk/items.jsonl", "--set", "data.tags=[llava]", "--json"});
  EXPECT_EQ(done.status, 3);
  EXPECT_EQ(std::count(done.out.begin(), done.out.end(), '\n'), 1) << done.out;
  EXPECT_EQ(done.err.rfind("error[malformed] ", 0), 0U) << done.err;
}

TEST_F(DataShow, InfoTellsWhichDataOfAConfigurationAreAbsent) {
  write("all.yaml",
        "DATA_PATH: [\"/data/llava.json\", \"/data/open-x\"]\nIMAGE_FOLDER: [\"/data/images\", "
        "\"siglip-224px+mx-bridge\"]\n");
  const ProgramRun done = run({"info", "all.yaml", "--json"});
  ASSERT_EQ(done.status, 0) << done.err;
  const Json entries = parse_json(done.out, "stdout")["entries"];
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0],
            (Json{{"path", "/data/llava.json"}, {"tag", "llava"}, {"reader", "chat_json"}, {"absent", true}}));
  EXPECT_EQ(entries[1]["dataset"], "bridge_orig");
  EXPECT_EQ(entries[1]["absent"], true);
  EXPECT_FALSE(entries[1].contains("episodes"));
  fails(5, {"data", "check", "all.yaml"}, "/data/open-x");  // whoever needs the data still misses them
}

TEST_F(DataShow, InfoKnowsTrainingData) {
  succeeds({"data", "make", "robot", "-o", "robot", "--count", "3"});
  succeeds({"data", "make", "clips", "-o", "clips", "--count", "3"});
  const auto facts = [&](const std::string& name) {
    const ProgramRun done = run({"info", name, "--json"});
    EXPECT_EQ(done.status, 0) << done.err;
    return parse_json(done.out, "stdout");
  };
  const Json rlds = facts("robot/bridge_orig/1.0.0");
  EXPECT_EQ(rlds["name"], "bridge_orig");
  EXPECT_EQ(rlds["splits"]["train"]["episodes"], 3);
  EXPECT_EQ(rlds["layout"], "bridge_orig");
  EXPECT_EQ(rlds["features"]["steps/action"]["shape"], Json::array({7}));
  EXPECT_EQ(rlds["features"]["steps/observation/image_0"]["picture"], Json::array({256, 256, 3}));
  const Json openx = facts("robot/openx.yaml")["entries"][0];
  EXPECT_EQ(openx["dataset"], "bridge_orig");
  EXPECT_EQ(openx["episodes"], 3);
  EXPECT_EQ(facts("clips/sthv2.json")["items"], 3);
  EXPECT_EQ(facts("clips/traces/000000.pth")["kind"], "object saved by torch");
  EXPECT_EQ(facts("clips/clips.yaml")["entries"][0]["tag"], "sthv2");
  EXPECT_EQ(facts("clips/clips.yaml")["entries"][0]["bytes"], std::filesystem::file_size(path("clips/sthv2.json")));
  const std::string text = run({"info", "robot/bridge_orig/1.0.0"}).out;
  EXPECT_TRUE(text.starts_with("kind                RLDS data set\n")) << text;
  EXPECT_NE(text.find("  steps/action                element float32, shape [7]\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace magma
