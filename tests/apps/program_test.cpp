// The program around its commands: help, completion, lists, what a file is.
#include <cstdlib>

#include <gmock/gmock.h>

#include "tests/apps/program_case.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVerbs[] = {"bench",  "chat", "completion", "data",  "doctor",   "info",  "init",   "list",
                                  "logits", "mark", "quantize",   "split", "tokenize", "track", "version"};

class Program : public ProgramCase {
 protected:
  Json json_of(std::vector<std::string> words) const {
    words.emplace_back("--json");
    const ProgramRun done = run(words);
    EXPECT_EQ(done.status, 0) << done.err;
    return parse_json(done.out, "stdout");
  }
};

// MAGMA_UPDATE_HELP=1 writes the texts anew; the change is for review.
TEST_F(Program, HelpIsWhatWasReviewed) {
  const Path kept = Path(MAGMA_SOURCE_DIR) / "tests/apps/help";
  std::vector<std::pair<std::string, std::vector<std::string>>> texts = {{"magma", {"--help"}}};
  for (const std::string verb : kVerbs) texts.push_back({verb, {verb, "--help"}});
  const Json list = json_of({"list"});
  for (const auto& [verb, summary] : list["verbs of data"].items()) {
    texts.push_back({"data_" + verb, {"data", verb, "--help"}});
  }
  for (const auto& [name, words] : texts) {
    const ProgramRun done = run(words);
    EXPECT_EQ(done.status, 0);
    const Path file = kept / (name + ".txt");
    if (std::getenv("MAGMA_UPDATE_HELP") != nullptr) write_file_atomically(file, done.out);
    EXPECT_EQ(done.out, read_file(file, 1 << 20)) << name;
  }
  EXPECT_EQ(run({}).out, run({"--help"}).out);
}

TEST_F(Program, EveryCommandTeachesByExample) {
  const Json known = json_of({"list"})["commands"];
  for (const std::string verb : kVerbs) {
    EXPECT_TRUE(known.contains(verb)) << verb;
    const std::string help = run({verb, "-h"}).out;
    EXPECT_NE(help.find("magma " + std::string(verb), std::min(help.size(), help.find("\nexamples:\n"))),
              std::string::npos)
        << verb;
  }
  EXPECT_EQ(known.size(), std::size(kVerbs));
}

TEST_F(Program, ListsEveryPlugIn) {
  const Json all = json_of({"list"});
  for (const char* name : {"classical", "lucas_kanade"}) EXPECT_TRUE(all["trackers"].contains(name)) << name;
  for (const char* name : {"corrected", "demo", "video", "robot"}) EXPECT_TRUE(all["variants"].contains(name)) << name;
  for (const char* name : {"content", "none"}) EXPECT_TRUE(all["shot detectors"].contains(name)) << name;
  for (const char* name : {"llama", "phi3", "qwen2"}) EXPECT_TRUE(all["language models"].contains(name)) << name;
  for (const char* name : {"rlds", "tfrecord", "torch", "json"})
    EXPECT_TRUE(all["stored formats"].contains(name)) << name;
  for (const char* name : {"chat_json", "openx", "video_traces"}) EXPECT_TRUE(all["readers"].contains(name)) << name;
  for (const auto& [family, reader] : all["families of data"].items()) {
    EXPECT_TRUE(all["readers"].contains(reader.get<std::string>().substr(std::string("files read by ").size())))
        << family;
  }
  EXPECT_EQ(all["robot data sets"].size(), 70U);
  EXPECT_EQ(all["robot data sets"]["bridge_orig"], "primary image_0, secondary image_1");
  EXPECT_EQ(all["robot data sets"]["roboset"], "not read: its actions are joint angles");
  EXPECT_EQ(all["mixtures"]["oxe_magic_soup_plus"], "data sets: 27");
  EXPECT_TRUE(all["verbs of data"].contains("batch"));
  EXPECT_NE(run({"list"}).out.find("  classical"), std::string::npos);
}

TEST_F(Program, SaysItsVersion) {
  const Json version = json_of({"version"});
  const auto number = version["version"].get<std::string>();
  EXPECT_THAT(number, testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_TRUE(run({"--version"}).out.starts_with("magma " + number));
}

TEST_F(Program, BashCompletesCommandsAndOptions) {
  const auto completed = [this](const std::string& words, const std::string& last, int index) {
    return run_words({"bash", "-c",
                      "source <(\"$0\" completion bash); COMP_WORDS=(" + words + " '" + last +
                          "'); COMP_CWORD=" + std::to_string(index) + "; _magma; printf '%s\\n' \"${COMPREPLY[@]}\"",
                      "magma"})
        .out;
  };
  EXPECT_EQ(completed("magma", "tr", 1), "track\n");
  EXPECT_EQ(completed("magma mark", "--sha", 2), "--shard\n--shards\n");
  EXPECT_NE(completed("magma track", "--", 2).find("--queries\n"), std::string::npos);
  EXPECT_EQ(completed("magma data", "sh", 2), "show\n");
  EXPECT_EQ(completed("magma data show", "--tok", 3), "--tokenizer\n");
  EXPECT_EQ(completed("magma data batch", "--res", 3), "--resume\n");
}

TEST_F(Program, ScriptsForOtherShellsNameEveryOption) {
  for (const std::string shell : {"zsh", "fish"}) {
    const std::string script = run({"completion", shell}).out;
    EXPECT_NE(script.find("mark"), std::string::npos);
    EXPECT_NE(script.find(shell == "fish" ? "-l shard\n" : "--shard "), std::string::npos) << script;
    const bool installed = std::system(("command -v " + shell + " >/dev/null").c_str()) == 0;
    if (!installed) continue;
    EXPECT_EQ(run_words({shell, "-n", "-c", script}).status, 0);
  }
  fails(2, {"completion", "tcsh"}, "tcsh");
}

TEST_F(Program, InfoTellsWhatAFileIs) {
  make("clip.mp4", moving_box(8));
  make("picture.png", "-f lavfi -i testsrc2=size=64x48 -frames:v 1");
  succeeds({"track", "clip.mp4", "-o", "t"});
  succeeds({"mark", "clip.mp4", "-o", "m"});
  write("list.jsonl", "{\"id\":\"a\",\"video\":\"clip.mp4\"}\n");
  EXPECT_EQ(json_of({"info", "clip.mp4"})["kind"], "video");
  EXPECT_EQ(json_of({"info", "clip.mp4"})["w"], 160);
  EXPECT_EQ(json_of({"info", "picture.png"})["w"], 64);
  EXPECT_EQ(json_of({"info", "m/images/00000/clip-s000-c000.jpg"})["kind"], "image");
  EXPECT_EQ(json_of({"info", "t/tracks.safetensors"})["kind"], "tracks");
  EXPECT_EQ(json_of({"info", "t/tracks.jsonl"})["kind"], "clip records");
  EXPECT_EQ(json_of({"info", "m/samples/00000.jsonl"})["kind"], "training samples");
  EXPECT_EQ(json_of({"info", "m/shards/00000.jsonl"})["kind"], "clip records");
  EXPECT_EQ(json_of({"info", "list.jsonl"})["kind"], "list of clips");
  EXPECT_EQ(json_of({"info", "m"})["kind"], "output folder of magma mark");
  EXPECT_EQ(json_of({"info", "t"})["kind"], "output folder of magma track");
  EXPECT_EQ(json_of({"info", "m/manifest.json"})["kind"], "JSON");
  const fs::path model = fs::path(MAGMA_SOURCE_DIR) / "tests/nn/gguf/llama.gguf";
  fs::copy_file(model, path("model.dat"));
  EXPECT_EQ(json_of({"info", "model.dat"})["architecture"], "llama");
  EXPECT_EQ(json_of({"info", "model.dat"})["parameters"], 19'872);
  EXPECT_EQ(json_of({"info", "model.dat"})["tokenizer"], "gpt2, smollm");
  // The content counts, not the name.
  fs::copy_file(path("picture.png"), path("picture.dat"));
  fs::copy_file(path("t/tracks.safetensors"), path("tracks.dat"));
  EXPECT_EQ(json_of({"info", "picture.dat"})["kind"], "image");
  EXPECT_EQ(json_of({"info", "tracks.dat"})["kind"], "tracks");
}

TEST_F(Program, InfoOfWhatIsNothingKnown) {
  std::string noise;
  for (int i = 0; i < 5000; ++i) noise += static_cast<char>(i * 7919 >> 3);
  write("noise", noise);
  write("noise.jsonl", noise);
  write("noise.safetensors", noise);
  write("noise.png", noise);
  write("noise.json", noise);
  write("empty", "");
  for (const std::string name : {"noise", "noise.jsonl", "noise.safetensors", "noise.png", "noise.json", "empty"}) {
    fails(3, {"info", name}, name);
  }
  fails(5, {"info", "none"}, "none");
  fails(3, {"info", "."}, "manifest.json");
}

TEST_F(Program, SplitFindsShotsAndWritesAList) {
  make("a.mp4", moving_box(30));
  make("b.mp4",
       "-f lavfi -i color=c=red:size=160x120:rate=25 -vf noise=alls=90 -frames:v 20 -c:v libx264 -pix_fmt yuv420p");
  make("film.mp4", "-i '" + path("a.mp4").string() + "' -i '" + path("b.mp4").string() +
                       "' -filter_complex \"[0][1]concat=n=2\" -c:v libx264 -pix_fmt yuv420p");
  fails(5, {"split", "film.mp4", "-o", "lists/clips.jsonl"}, "lists/clips.jsonl");
  fs::create_directory(path("lists"));
  const Json split = json_of({"split", "film.mp4", "-o", "lists/clips.jsonl"});
  EXPECT_EQ(split["frames"], 50);
  ASSERT_EQ(split["shots"].size(), 2U);
  EXPECT_EQ(split["shots"][1]["first"], 30);
  succeeds({"mark", "--list", "lists/clips.jsonl", "-o", "out", "--no-video"});
  const auto records = lines_of("out/shards/00000.jsonl");
  ASSERT_EQ(records.size(), 2U);
  for (const Json& record : records) {
    const bool second = record["item"] == "film-0001";
    EXPECT_EQ(record["frames"]["first"], second ? 30 : 0);
    EXPECT_EQ(record["frames"]["last"], second ? 50 : 30);
  }
}

}  // namespace
}  // namespace magma
