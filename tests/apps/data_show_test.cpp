// magma data show for people: text, tokens with loss, pages; and what magma info says of data.
#include "tests/apps/program_case.h"

namespace magma {
namespace {

class DataShow : public ProgramCase {
 protected:
  DataShow() {
    write("talk/items.json", R"([{"conversations":[{"from":"human","value":"<script>alert(1)</script> & \"more\""},)"
                             R"({"from":"gpt","value":"an answer"}]}])");
  }
  static std::string tokenizer() {
    return (Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model/checkpoints/tiny-names").string();
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
  EXPECT_EQ(rlds["features"]["steps/action"]["shape"], Json::array({7}));
  EXPECT_EQ(facts("clips/sthv2.json")["items"], 3);
  EXPECT_EQ(facts("clips/traces/000000.pth")["kind"], "object saved by torch");
  EXPECT_EQ(facts("clips/clips.yaml")["entries"][0]["tag"], "sthv2");
}

}  // namespace
}  // namespace magma
