// magma mark --list: the same files however the work is spread, interrupted and resumed; malformed lists.
#include <fstream>

#include "magma/core/random.h"
#include "tests/apps/program_case.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

class SlowMarkList : public ProgramCase {
 protected:
  // Six good videos in a folder of their own, one that is none and one that is missing.
  void SetUp() override {
    fs::create_directories(path("in/videos"));
    std::string list;
    for (int i = 0; i < 6; ++i) {
      const std::string name = "v" + std::to_string(i) + ".mp4";
      make("in/videos/" + name, moving_box(6 + i, "96x80"));
      list += R"({"id":"v)" + std::to_string(i) + R"(","video":"videos/)" + name + R"(","text":"push"})" + "\n";
    }
    write("in/videos/text.mp4", "not a video");
    list += "{\"id\":\"bad\",\"video\":\"videos/text.mp4\"}\n{\"id\":\"gone\",\"video\":\"videos/gone.mp4\"}\n";
    list += "{\"id\":\"cut\",\"video\":\"videos/v5.mp4\",\"start\":0.08,\"end\":0.24}\n";
    write("in/list.jsonl", list);
  }

  std::vector<std::string> words(const std::string& folder, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"mark", "--list", "in/list.jsonl", "-o", folder, "--shards", "3"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  Files expected() const {
    succeeds(words("expected"));
    return files_below(path("expected"));
  }
};

TEST_F(SlowMarkList, SameFilesForAnyNumberOfWorkersShardsAndRanks) {
  const Files one = expected();
  EXPECT_GT(one.size(), 25U);
  for (const char* workers : {"2", "4"}) {
    succeeds(words(std::string("w") + workers, {"--workers", workers, "--threads", "2"}));
    EXPECT_EQ(files_below(path(std::string("w") + workers)), one) << workers;
  }
  Files parts;
  for (const char* shard : {"0/2", "1/2"}) {
    const std::string own = std::string("part") + shard[0];
    succeeds(words("parts", {"--shard", shard}));
    succeeds(words(own, {"--shard", shard}));
    succeeds({"mark", "--check", own});
    parts.merge(files_below(path(own)));
  }
  EXPECT_EQ(files_below(path("parts")), one);
  EXPECT_EQ(parts, one);
  succeeds({"mark", "--check", "parts"});
  succeeds({"mark", "--check", "expected"});
}

TEST_F(SlowMarkList, RanksUnderMpirunMakeTheSameFilesAndOneReport) {
  if (!fs::exists(program_path().parent_path() / "mpi_ranks.so")) GTEST_SKIP() << "built without MPI";
  const Files one = expected();
  std::vector<std::string> all = words("ranks");
  // The MPI library keeps what it allocated.
  all.insert(all.begin(), {"env", "ASAN_OPTIONS=detect_leaks=0", "mpirun", "--allow-run-as-root", "--oversubscribe",
                           "-n", "2", "magma"});
  const ProgramRun ranks = run_in(path(""), all);
  ASSERT_EQ(ranks.status, 0) << ranks.err;
  EXPECT_EQ(files_below(path("ranks")), one);
  Json report = read_json(path("ranks/report.json")), local = read_json(path("expected/report.json"));
  report.erase("seconds");
  local.erase("seconds");
  EXPECT_EQ(report, local);
  EXPECT_EQ(report["items"], 9);
  EXPECT_EQ(report["failed"], 2);
  EXPECT_TRUE(fs::exists(path("ranks/report.html")));
  EXPECT_EQ(names_below(path("ranks")), names_below(path("expected")));
}

TEST_F(SlowMarkList, KilledAtAnyMomentItContinuesToTheSameFiles) {
  const Files one = expected();
  Rng rng(static_cast<uint64_t>(getpid()));
  std::vector<std::string> all = words("killed", {"--workers", "2"});
  all.insert(all.begin(), "magma");
  int kills = 0;
  for (int attempt = 0; attempt < 12; ++attempt) {
    RunningProgram running(all, path(""));
    // Short at first: a fast machine must not be done before it is killed once.
    usleep(static_cast<useconds_t>(rng.integer(1'000, 40'000 * (attempt + 1))));
    running.signal(SIGKILL);
    if (running.wait().status == 128 + SIGKILL) ++kills;
  }
  EXPECT_GT(kills, 0);
  succeeds(words("killed"));
  EXPECT_EQ(files_below(path("killed")), one);
  EXPECT_EQ(names_below(path("killed")), names_below(path("expected")));
  succeeds({"mark", "--check", "killed"});
}

TEST_F(SlowMarkList, StoppedBySignalItSaysHowToGoOn) {
  const Files one = expected();
  std::vector<std::string> all = words("stopped");
  all.insert(all.begin(), "magma");
  RunningProgram running(all, path(""));
  while (!fs::exists(path("stopped/manifest.json"))) usleep(1000);
  running.signal(SIGTERM);
  const ProgramRun stopped = running.wait();
  EXPECT_EQ(stopped.status, 75);
  expect_one_line(stopped.err, "start the same command again", "mark");
  for (const std::string& name : names_below(path("stopped"))) EXPECT_FALSE(name.starts_with(".")) << name;
  succeeds(words("stopped"));
  EXPECT_EQ(files_below(path("stopped")), one);
}

TEST_F(SlowMarkList, BrokenVideosAreCountedAndListed) {
  const ProgramRun done = run(words("out", {"--json"}));
  EXPECT_EQ(done.status, 0) << done.err;
  const Json said = parse_json(done.out, "stdout");
  EXPECT_EQ(said["videos"], 9);
  EXPECT_EQ(said["failed"], 2);
  const Json report = read_json(path("out/report.json"));
  ASSERT_EQ(report["failed_items"].size(), 2U);
  for (const Json& item : report["failed_items"]) {
    const auto reason = item["reason"].get<std::string>();
    EXPECT_NE(reason.find("] videos/"), std::string::npos) << reason;  // as the list names it
  }
}

TEST_F(SlowMarkList, AnotherVersionsFolderIsRefused) {
  succeeds(words("out"));
  std::string manifest = text_of("out/manifest.json");
  const auto change = [&](const std::string& from, const std::string& to) {
    std::string changed = manifest;
    changed.replace(changed.find(from), from.size(), to);
    write("out/manifest.json", changed);
  };
  change("\"format_version\": 1", "\"format_version\": 2");
  fails(2, words("out"), "format_version");
  change("\"program\": \"", "\"program\": \"9.");
  fails(2, words("out"), "program");
  write("out/manifest.json", "{");
  fails(3, words("out"), "manifest.json");
}

using MarkList = ProgramCase;

TEST_F(MarkList, MalformedLinesAreNamed) {
  make("v.mp4", moving_box(3));
  const std::string good = R"({"id":"a","video":"v.mp4"})";
  for (const auto& [text, part] :
       std::vector<std::pair<std::string, std::string>>{{good + "\n{\n", "2:2"},
                                                        {good + "\n" + good + "\n", "twice"},
                                                        {"\xEF\xBB\xBF" + good + "\n", "byte"},
                                                        {R"({"id":"a"})", "video"},
                                                        {R"({"video":"v.mp4"})", "id"},
                                                        {R"({"id":"a/b","video":"v.mp4"})", "/id"},
                                                        {R"({"id":"..","video":"v.mp4"})", "/id"},
                                                        {R"({"id":"","video":"v.mp4"})", "/id"},
                                                        {"{\"id\":\"\xC3\xA9\",\"video\":\"v.mp4\"}", "/id"},
                                                        {R"({"id":"a","video":""})", "/video"},
                                                        {R"({"id":"a","video":"v.mp4","start":-1})", "/start"},
                                                        {R"({"id":"a","video":"v.mp4","start":2,"end":1})", "/end"},
                                                        {R"({"id":"a","video":"v.mp4","start":"x"})", "/start"},
                                                        {R"({"id":"a","video":"v.mp4","id":"b"})", "id"},
                                                        {R"({"id":"a","video":"v.mp4","txt":"b"})", "text"},
                                                        {R"([1])", "line 1"},
                                                        {"\xFF\n", "1:1"}}) {
    write("list.jsonl", text);
    fails(3, {"mark", "--list", "list.jsonl", "-o", "out"}, part);
    fails(3, {"mark", "--list", "list.jsonl", "-o", "out"}, "list.jsonl");
  }
  fails(5, {"mark", "--list", "none.jsonl", "-o", "out"}, "none.jsonl");
  fails(5, {"mark", "--list", ".", "-o", "out"}, "is a folder");
}

TEST_F(MarkList, WindowsLinesBlankLinesAndNoLastNewlineAreOrdinary) {
  make("v.mp4", moving_box(3));
  write("list.jsonl", "\r\n{\"id\":\"a\",\"video\":\"v.mp4\"}\r\n\n{\"id\":\"b\",\"video\":\"v.mp4\"}");
  succeeds({"mark", "--list", "list.jsonl", "-o", "out", "--no-video"});
  EXPECT_EQ(lines_of("out/shards/00000.jsonl").size(), 2U);
}

TEST_F(MarkList, AnEmptyListIsMalformed) {
  write("list.jsonl", "");
  fails(3, {"mark", "--list", "list.jsonl", "-o", "out"}, "the list has no lines");
}

}  // namespace
}  // namespace magma
