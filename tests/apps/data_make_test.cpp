// magma data make, and what magma data makes of it.
#include <csignal>

#include <unistd.h>

#include "tests/apps/program_case.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::string> kConfigs = {
    {"robot", "openx.yaml"}, {"screens", "screens.yaml"}, {"questions", "questions.yaml"}, {"clips", "clips.yaml"}};

class DataMake : public ProgramCase {
 protected:
  Json json_of(std::vector<std::string> words) const {
    words.emplace_back("--json");
    const ProgramRun done = run(words);
    EXPECT_EQ(done.status, 0) << done.err;
    return parse_json(done.out, "stdout");
  }
  Json make_set(const std::string& name, const std::string& folder) const {
    return json_of({"data", "make", name, "-o", folder, "--count", "4"});
  }
  Json batches(const std::string& config) const {
    const Path tokenizer = Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model/checkpoints/tiny-names";
    return json_of({"data", "batch", config, "--tokenizer", tokenizer.string(), "--batch-size", "2", "--batches", "2"});
  }
};

TEST_F(DataMake, EverySetIsWholeAndMakesBatches) {
  EXPECT_EQ(json_of({"list"})["made data sets"].size(), kConfigs.size());
  for (const auto& [name, config] : kConfigs) {
    const Json made = make_set(name, "sets/" + name);
    EXPECT_EQ(made["name"], name);
    EXPECT_EQ(made["count"], 4);
    EXPECT_EQ(made["config"], "sets/" + name + "/" + config);
    const Json checked = json_of({"data", "check", made["config"]});
    EXPECT_EQ(checked["ok"], true) << checked.dump();
    EXPECT_EQ(checked["sources"][0]["skipped"], 0);
    EXPECT_EQ(checked["sources"][0]["samples"], made["samples"]) << name;
    const Json summary = batches(made["config"]);
    EXPECT_EQ(summary["samples"], 4) << name;
    EXPECT_GE(summary["images"], 4) << name;
    EXPECT_EQ(summary["skipped"], 0) << name;
  }
}

TEST_F(DataMake, AFolderThatIsMovedStillWorksWhateverLiesHere) {
  for (const auto& [name, config] : kConfigs) {
    make_set(name, "first");
    fs::create_directories(path("far/away"));
    fs::rename(path("first"), path("far/away/set"));
    for (const char* decoy : {"llava.json", "seeclick.json", "sthv2.json"}) write(decoy, "[]");
    EXPECT_EQ(batches("far/away/set/" + config)["samples"], 4) << name;
    fs::remove_all(path("far"));
  }
}

TEST_F(DataMake, ScreensAreAlsoReadWithoutMarks) {
  make_set("screens", "set");
  const auto shown = [&](const std::string& marked) {
    const ProgramRun done =
        run({"data", "show", "set/screens.yaml", "--count", "1", "--json", "--set", "data.seeclick_marked=" + marked});
    EXPECT_EQ(done.status, 0) << done.err;
    return parse_json(done.out, "stdout");
  };
  const Json with = shown("true"), without = shown("false");
  EXPECT_EQ(with["images"][0], "seeclick_web_imgs_processed/000000.png");
  EXPECT_EQ(without["images"][0], "seeclick_web_imgs/000000.png");
  EXPECT_NE(with["messages"][2]["content"].get<std::string>().find(" Mark: "), std::string::npos);
  EXPECT_EQ(without["messages"][2]["content"].get<std::string>().find("Mark"), std::string::npos);
}

TEST_F(DataMake, RefusalsLeaveEverythingAsItWas) {
  fs::create_directory(path("full"));
  write("full/mine.txt.d", "kept");
  write("file", "kept");
  fails(2, {"data", "make", "robots", "-o", "new"}, "did you mean robot");
  fails(2, {"data", "make", "robot", "-o", "full"}, "mine.txt.d");
  fails(2, {"data", "make", "robot", "-o", "full", "--overwrite"}, "mine.txt.d");
  fails(2, {"data", "make", "robot", "-o", "file"}, "is a file");
  fails(2, {"data", "make", "robot", "-o", "."}, "name a new folder");
  fails(2, {"data", "make", "robot", "-o", "new", "--count", "0"}, "--count");
  fails(2, {"data", "make", "robot"}, "--output");
  make_set("questions", "set");
  fails(2, {"data", "make", "questions", "-o", "set", "--count", "4", "--seed", "1"}, "--overwrite");
  succeeds({"data", "make", "questions", "-o", "set", "--count", "4", "--seed", "1", "--overwrite"});
}

TEST_F(DataMake, ASignalLeavesNothing) {
  const auto before = names_below(path(""));
  RunningProgram running({"magma", "data", "make", "screens", "-o", "new/set", "--count", "100000"}, path(""),
                         {{"TMPDIR", path("tmp").string()}});
  while (!fs::exists(path("new"))) usleep(1000);
  usleep(20'000);
  running.signal(SIGINT);
  const ProgramRun run = running.wait();
  EXPECT_EQ(run.status, 130) << run.err;
  EXPECT_EQ(names_below(path("")), before);
}

}  // namespace
}  // namespace magma
