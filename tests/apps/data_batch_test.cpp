// magma data batch: a batch depends on the configuration, the data, the seed and its number alone.
#include <csignal>

#include <unistd.h>

#include "tests/apps/data_case.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

class DataBatch : public DataCase {
 protected:
  // The batches [from, end) of a folder, by the names of their files.
  Files batches(const std::string& folder, int from, int end) const {
    Files files;
    for (int number = from; number < end; ++number) {
      const std::string digits = std::to_string(number);
      const std::string name = "batch_" + std::string(6 - digits.size(), '0') + digits + ".safetensors";
      files[name] = text_of(folder + "/" + name);
    }
    return files;
  }
  std::string lines(const std::string& folder, int from, int end) const {
    std::string kept;
    std::istringstream stream(text_of(folder + "/samples.jsonl"));
    for (std::string line; std::getline(stream, line);) {
      const int64_t number = parse_json(line, "samples.jsonl").at("batch").get<int64_t>();
      if (number >= from && number < end) kept += line + "\n";
    }
    return kept;
  }
  void resume_fails(const std::string& part) const {
    const std::string state = text_of("out/stream.json");
    fails(2, resume_words(1), part);
    EXPECT_EQ(text_of("out/stream.json"), state);
  }
  std::vector<std::string> resume_words(int count) const {
    std::vector<std::string> words = batch_words(
        "set/mixed.yaml", {"--batches", std::to_string(count), "--resume", "out/stream.json", "--dump", "out"});
    std::erase(words, "--json");
    return words;
  }
};

TEST_F(DataBatch, TheNumberOfWorkersChangesNoByte) {
  make_mixed_set();
  fs::remove(path("set/questions/images/000002.jpg"));  // a sample that is passed over
  for (const std::string order : {"shuffled", "file"}) {
    Files first;
    for (const std::string workers : {"1", "2", "4"}) {
      const std::string out = order + workers;
      const Json summary = batch("set/mixed.yaml", {"--batches", "8", "--order", order, "--workers", workers, "--dump",
                                                    out, "--seed", "5", "--set", "data.max_skip_fraction=1"});
      EXPECT_EQ(summary["batches"], 8);
      if (first.empty()) first = files_below(path(out));
      EXPECT_EQ(files_below(path(out)), first) << order << " " << workers;
    }
    EXPECT_EQ(first.size(), 10U);
  }
}

TEST_F(DataBatch, AnotherSeedIsAnotherOrder) {
  make_mixed_set();
  batch("set/mixed.yaml", {"--batches", "2", "--seed", "1", "--dump", "one"});
  batch("set/mixed.yaml", {"--batches", "2", "--seed", "2", "--dump", "two"});
  EXPECT_NE(text_of("one/samples.jsonl"), text_of("two/samples.jsonl"));
}

TEST_F(DataBatch, FromAnyNumberTheBatchesAreThoseOfAnUndisturbedRun) {
  make_mixed_set();
  for (const std::string order : {"shuffled", "file"}) {
    const std::string whole = "whole-" + order;
    batch("set/mixed.yaml", {"--batches", "7", "--order", order, "--dump", whole});
    for (const int from : {1, 2, 5, 6}) {
      const std::string out = order + std::to_string(from);
      batch("set/mixed.yaml",
            {"--batches", std::to_string(7 - from), "--from", std::to_string(from), "--order", order, "--dump", out});
      EXPECT_EQ(batches(out, from, 7), batches(whole, from, 7)) << out;
      EXPECT_EQ(text_of(out + "/samples.jsonl"), lines(whole, from, 7)) << out;
      EXPECT_FALSE(fs::exists(path(out + "/batch_000000.safetensors")));
    }
  }
}

TEST_F(DataBatch, ResumedAnywhereEverythingIsThatOfAnUndisturbedRun) {
  make_mixed_set();
  for (const std::string order : {"shuffled", "file"}) {
    const std::string whole = "whole-" + order;
    batch("set/mixed.yaml", {"--batches", "6", "--order", order, "--dump", whole});
    for (const int stop : {1, 3, 5}) {
      const std::string out = order + std::to_string(stop);
      batch("set/mixed.yaml", {"--batches", std::to_string(stop), "--order", order, "--dump", out});
      batch("set/mixed.yaml", {"--batches", std::to_string(6 - stop), "--resume", out + "/stream.json", "--dump", out});
      EXPECT_EQ(files_below(path(out)), files_below(path(whole))) << out;
    }
  }
}

TEST_F(DataBatch, KilledAndResumedEverythingIsThatOfAnUndisturbedRun) {
  make_mixed_set();
  constexpr int kBatches = 150;
  batch("set/mixed.yaml", {"--batches", std::to_string(kBatches), "--dump", "whole"});
  std::vector<std::string> words =
      batch_words("set/mixed.yaml", {"--batches", std::to_string(kBatches), "--dump", "out"});
  words.insert(words.begin(), "magma");
  RunningProgram running(words, path(""), {{"TMPDIR", path("tmp").string()}});
  while (!fs::exists(path("out/batch_000004.safetensors"))) usleep(200);
  running.signal(SIGKILL);
  EXPECT_EQ(running.wait().status, 128 + SIGKILL);
  const int64_t next = parse_json(text_of("out/stream.json"), "stream.json").at("next_batch").get<int64_t>();
  ASSERT_GE(next, 4);
  ASSERT_LT(next, kBatches) << "it was not killed midway";
  batch("set/mixed.yaml",
        {"--batches", std::to_string(kBatches - next), "--resume", "out/stream.json", "--dump", "out"});
  EXPECT_EQ(files_below(path("out")), files_below(path("whole")));
}

TEST_F(DataBatch, WhatAKilledRunLeftIsTakenAwayAndWhatItFinishedIsNotTouched) {
  make_mixed_set();
  batch("set/mixed.yaml", {"--batches", "4", "--dump", "whole"});
  batch("set/mixed.yaml", {"--batches", "3", "--dump", "out"});
  const std::string state = text_of("out/stream.json");
  batch("set/mixed.yaml", {"--batches", "1", "--resume", "out/stream.json", "--dump", "out"});
  write("out/stream.json", state);  // killed before it said that batch 3 is done
  // Blanks tell whether a line was kept or written anew.
  const std::string finished = "{ " + lines("out", 0, 3).substr(1);
  write("out/samples.jsonl", finished + lines("out", 3, 4) + R"({"batch":3,"ro)");
  for (const char* name : {".batch_000004.safetensors.0a1b2c.tmp", ".stream.json.0a1b2c.tmp"}) {
    write(std::string("out/") + name, "half");
  }
  write("out/mine.tmp", "kept");
  batch("set/mixed.yaml", {"--batches", "1", "--resume", "out/stream.json", "--dump", "out"});
  EXPECT_EQ(text_of("out/samples.jsonl"), finished + lines("whole", 3, 4));
  EXPECT_EQ(batches("out", 0, 4), batches("whole", 0, 4));
  EXPECT_EQ(names_below(path("out")), (std::vector<std::string>{"batch_000000.safetensors", "batch_000001.safetensors",
                                                                "batch_000002.safetensors", "batch_000003.safetensors",
                                                                "mine.tmp", "samples.jsonl", "stream.json"}));
}

TEST_F(DataBatch, ALineThatIsDamagedIsNamed) {
  make_mixed_set();
  batch("set/mixed.yaml", {"--batches", "2", "--dump", "out"});
  write("out/samples.jsonl", "{\"batch\":0}\n{\"batch\":x}\n");
  fails(3, resume_words(1), "out/samples.jsonl: 2:10");
}

TEST_F(DataBatch, FileOrderEndsWithAShortBatchAndTakesEverySampleOnce) {
  make_mixed_set();
  const Json summary = batch("set/mixed.yaml", {"--order", "file", "--dump", "out"});
  const int64_t samples = check("set/mixed.yaml", {"--split", "train"}).source["samples"].get<int64_t>();
  ASSERT_NE(samples % 3, 0) << "the last batch would be full";
  EXPECT_EQ(summary["samples"], samples);
  EXPECT_EQ(summary["batches"], (samples + 2) / 3);
  const std::vector<Json> rows = lines_of("out/samples.jsonl");
  std::vector<std::string> origins;
  for (const Json& row : rows) origins.push_back(row["origin"].dump());
  std::vector<std::string> shown;
  std::istringstream lines(run({"data", "show", "set/mixed.yaml", "--json"}).out);
  for (std::string line; std::getline(lines, line);) shown.push_back(parse_json(line, "show")["origin"].dump());
  EXPECT_EQ(origins, shown);
  EXPECT_EQ(rows.back()["row"], samples % 3 - 1);
}

TEST_F(DataBatch, ASampleThatIsPassedOverIsNamedInTheRowBehindIt) {
  write_llava("set", {"grey.png", "missing.png", "grey.png"});
  const std::vector<std::string> words = {"--order", "file", "--dump", "out", "--set", "data.max_skip_fraction=1"};
  EXPECT_EQ(batch("set/llava.yaml", words)["skipped"], 1);
  const std::vector<Json> rows = lines_of("out/samples.jsonl");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["skipped"], Json::array());
  EXPECT_EQ(rows[1]["skipped"], parse_json(R"([{"origin":{"file":"llava.json","item":1},"code":"file-system"}])", ""));
  std::vector<std::string> strict = batch_words("set/llava.yaml", {"--order", "file"});
  std::erase(strict, "--json");
  fails(5, strict, "missing.png");
}

TEST_F(DataBatch, AChangedSourceIsNamed) {
  make_mixed_set();
  batch("set/mixed.yaml", {"--batches", "1", "--dump", "out"});
  const std::string features = "set/robot/bridge_orig/1.0.0/features.json";
  const std::string shard = "set/robot/bridge_orig/1.0.0/bridge_orig-train.tfrecord-00000-of-00001";
  for (const std::string& file : {std::string("set/questions/llava.json"), features, shard}) {
    const std::string before = text_of(file);
    const std::string shown = Path(file).filename().string() + ": the source";
    write(file, before.substr(0, before.size() / 2));
    resume_fails(shown);
    std::string other = before;
    other[other.size() / 2] = static_cast<char>(other[other.size() / 2] ^ 1);
    write(file, other);
    resume_fails(shown + "'s content");
    fs::remove(path(file));
    resume_fails(Path(file).filename().string() + ": this source of the stream is no longer there");
    write(file, before);
    succeeds(resume_words(0));
  }
}

TEST_F(DataBatch, AnotherListOfSourcesIsNamed) {
  make_mixed_set();
  batch("set/mixed.yaml", {"--batches", "1", "--dump", "out"});
  const std::string config = text_of("set/mixed.yaml");
  write("set/questions/more.json", text_of("set/questions/llava.json"));
  write("set/mixed.yaml",
        "DATA_PATH: [./robot, ./questions/llava+more]\nIMAGE_FOLDER: [siglip-224px+mx-bridge-orig, ./questions]\n"
        "data: {tags: [openx, llava]}\n");
  resume_fails("more.json: this source was not there");
  write("set/mixed.yaml", "DATA_PATH: [./robot]\nIMAGE_FOLDER: [siglip-224px+mx-bridge-orig]\ndata: {tags: [openx]}\n");
  resume_fails("data.tags");
  write("set/mixed.yaml", config + "DATA_PATH_VAL: []\n");
  succeeds(resume_words(1));
  std::vector<std::string> other = resume_words(1);
  other.insert(other.end(), {"--set", "data.max_length=7"});
  fails(2, other, "data.max_length: not the setting");
  for (const auto& [option, value] :
       {std::pair{"--seed", "9"}, {"--batch-size", "5"}, {"--order", "file"}, {"--from", "1"}}) {
    std::vector<std::string> words = batch_words("set/mixed.yaml", {"--batches", "1", "--resume", "out/stream.json"});
    std::erase(words, "--json");
    words.erase(words.begin() + 5, words.begin() + 7);
    words.insert(words.end(), {option, value});
    fails(2, words, option);
  }
}

TEST_F(DataBatch, AStateThatIsWrongIsNamedByItsField) {
  make_mixed_set();
  batch("set/mixed.yaml", {"--batches", "1", "--dump", "out"});
  const Json good = parse_json(text_of("out/stream.json"), "stream.json");
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{{"next_batch", -1},
                                                                            {"candidate", "x"},
                                                                            {"rows", 1.5},
                                                                            {"skipped", nullptr},
                                                                            {"batch_size", 0},
                                                                            {"seed", -4},
                                                                            {"order", "sorted"},
                                                                            {"files", "none"},
                                                                            {"files", {7}},
                                                                            {"settings", 3},
                                                                            {"entries", 3}}) {
    for (const bool missing : {false, true}) {
      Json bad = good;
      bad[key] = value;
      if (missing) bad.erase(key);
      write("out/stream.json", bad.dump());
      fails(3, resume_words(1), "out/stream.json: /" + key);
    }
  }
  Json file = good;
  file["files"][0].erase("size");
  write("out/stream.json", file.dump());
  fails(3, resume_words(1), "out/stream.json: /files/0/size");
  write("out/stream.json", "{");
  fails(3, resume_words(1), "out/stream.json: 1:2");
  file = good;
  file["version"] = 99;
  write("out/stream.json", file.dump());
  fails(2, resume_words(1), "/version");
  fs::remove(path("out/stream.json"));
  fails(5, resume_words(1), "out/stream.json");
}

TEST_F(DataBatch, UnknownSettingsAreUsageErrors) {
  make_mixed_set();
  const auto fails_with = [&](const std::string& setting, const std::string& part) {
    std::vector<std::string> words = batch_words("set/mixed.yaml", {"--batches", "1", "--set", setting});
    std::erase(words, "--json");
    fails(2, words, part);
  };
  fails_with("data.image_sise=16", "did you mean data.image_size");
  fails_with("image_size=16", "unknown setting");
  fails_with("data.image_size=big", "an integer");
  fails_with("data.group_by=lengths", "length");
  fails_with("data.images=yes", "true or false");
  fails_with("data.mixture={bridge_orig: 0}", "data.mixture.bridge_orig");
  fails_with("data.max_skip_fraction=2", "data.max_skip_fraction");
}

TEST_F(DataBatch, NumbersByNameReplaceThoseOfTheConfiguration) {
  for (const char* name : {"dobbe", "fmb_dataset"}) write_episodes(std::string("sets/") + name, {stored_episode()});
  write("sets/robots.yaml",
        "DATA_PATH: [.]\nIMAGE_FOLDER: [siglip-224px+mx-bridge-orig]\n"
        "data: {tags: [openx], mixture: {dobbe: 2, fmb_dataset: 1}}\n");
  const auto weights = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"data", "mix", "sets/robots.yaml"};
    words.insert(words.end(), more.begin(), more.end());
    std::map<std::string, double> found;
    const Json mix = json_of(words);
    for (const Json& stream : mix["streams"]) found[stream["dataset"]] = stream["weight"];
    return found;
  };
  using Weights = std::map<std::string, double>;
  EXPECT_EQ(weights({}), (Weights{{"dobbe", 2}, {"fmb_dataset", 1}}));
  EXPECT_EQ(weights({"--set", "data.mixture={dobbe: 1}"}), (Weights{{"dobbe", 1}}));
  EXPECT_EQ(weights({"--set", "data={mixture: {dobbe: 1}}"}), (Weights{{"dobbe", 1}}));
  EXPECT_EQ(weights({"--set", "data.mixture.dobbe=3"}), (Weights{{"dobbe", 3}, {"fmb_dataset", 1}}));
}

}  // namespace
}  // namespace magma
