#include "magma/mark/mark_run.h"

#include <atomic>
#include <csignal>
#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "magma/core/json.h"
#include "magma/mark/check_output.h"
#include "magma/nn/safetensors.h"
#include "tests/mark/made_up_work.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

using Files = std::map<std::string, std::string>;

// Every file that a run leaves, report.json excepted, which holds times.
Files files_of(const Path& folder) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    if (!entry.is_directory() && name != "report.json") files[name] = read_file(entry.path(), 1 << 20);
  }
  return files;
}

class SlowMarkRun : public testing::Test {
 protected:
  void SetUp() override { write_list(20); }

  void write_list(int items, int broken_every = 5) {
    std::ofstream out(folder_.path() / "list.jsonl");
    for (int i = 0; i < items; ++i) {
      const char* video = i % broken_every == broken_every - 1 ? "broken" : "good";
      out << R"({"id":"item)" << i << R"(","video":")" << video << R"(","text":"t)" << i << "\"}\n";
    }
  }
  Path path(const std::string& name) const { return folder_.path() / name; }
  MarkRunSummary run(MarkRunOptions options, const ItemWork& work = made_up_work()) {
    const auto source = local_work_source();
    return run_marks(read_work_list(path("list.jsonl")), options, work, *source);
  }
  MarkRunSummary run(const std::string& name) { return run(made_up_options(path(name))); }
  Error error_of(MarkRunOptions options, const ItemWork& work = made_up_work()) {
    try {
      run(options, work);
    } catch (const Error& error) {
      return error;
    }
    return {ErrorCode::Bug, {.what = "no error"}};
  }
  // Starts the program; its process id.
  pid_t start(const std::vector<std::string>& arguments) {
    const Path program = fs::read_symlink("/proc/self/exe").parent_path() / "mark_run_program";
    std::vector<std::string> words = arguments;
    for (std::string& word : words) {
      if (word == "PROGRAM") word = program.string();
    }
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    const pid_t child = fork();
    if (child != 0) return child;
    const std::string log = (path("stderr.txt")).string();
    if (freopen(log.c_str(), "w", stderr) == nullptr) _exit(126);
    execvp(pointers[0], pointers.data());
    _exit(127);
  }
  static int status_of(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  TemporaryFolder folder_;
};

TEST_F(SlowMarkRun, LeavesAWholeFolderWithEveryItemInIt) {
  const MarkRunSummary summary = run("out");
  EXPECT_EQ(summary.items, 20);
  EXPECT_EQ(summary.counts.failed, 4);
  const OutputCheck check = check_output(path("out"));
  EXPECT_EQ(check.problems, std::vector<std::string>());
  EXPECT_EQ(check.items, 20);
  EXPECT_EQ(check.failed, 4);
  EXPECT_EQ(check.clips, summary.counts.clips);
  EXPECT_EQ(check.samples, summary.counts.samples);
  const Json report = read_json(path("out") / "report.json");
  EXPECT_EQ(report["status"]["failed"], 4);
  EXPECT_EQ(report["failed_items"].size(), 4U);
  EXPECT_EQ(report["shards"]["done"], 4);
  EXPECT_EQ(report["seconds"]["decode"], 8.0);
  for (const auto& entry : fs::directory_iterator(path("out")))
    EXPECT_FALSE(entry.path().filename().string().starts_with("."));
}

TEST_F(SlowMarkRun, BrokenVideoIsARecordThatSaysWhyWithoutPlaces) {
  run("out");
  const std::string text =
      files_of(path("out")).at("shards/00000.jsonl") + files_of(path("out")).at("shards/00001.jsonl") +
      files_of(path("out")).at("shards/00002.jsonl") + files_of(path("out")).at("shards/00003.jsonl");
  EXPECT_NE(text.find("error[malformed] broken: not a video"), std::string::npos);
  EXPECT_EQ(text.find(folder_.path().string()), std::string::npos);
  EXPECT_EQ(text.find("item9-s000"), std::string::npos);  // nothing of its first half is left
}

TEST_F(SlowMarkRun, SameBytesForAnyNumberOfWorkersAndParts) {
  run("one");
  MarkRunOptions options = made_up_options(path("many"));
  options.workers = 7;
  run(options);
  const Files expected = files_of(path("one"));
  EXPECT_GT(expected.size(), 20U);
  EXPECT_EQ(files_of(path("many")), expected);
  options = made_up_options(path("parts"));
  options.parts = 3;
  for (options.part = 0; options.part < 3; ++options.part) run(options);
  EXPECT_EQ(files_of(path("parts")), expected);
  Files separately;
  for (options.part = 0; options.part < 3; ++options.part) {
    options.folder = path("part" + std::to_string(options.part));
    run(options);
    separately.merge(files_of(options.folder));
  }
  EXPECT_EQ(separately, expected);
}

TEST_F(SlowMarkRun, SecondRunDoesNothingAgain) {
  run("out");
  const Files before = files_of(path("out"));
  std::atomic<int> works = 0;
  const MarkRunSummary summary = run(made_up_options(path("out")), [&works](const WorkItem& item, ItemSpool& spool) {
    ++works;
    return made_up_work()(item, spool);
  });
  EXPECT_EQ(works, 0);
  EXPECT_EQ(summary.items_before, 20);
  EXPECT_EQ(summary.counts.failed, 4);
  fs::resize_file(path("out") / "shards/00002.jsonl", 5);
  run("out");
  EXPECT_EQ(files_of(path("out")), before);
}

TEST_F(SlowMarkRun, AnotherRunInTheFolderNamesTheField) {
  run("out");
  MarkRunOptions options = made_up_options(path("out"));
  options.config.eps_px = 2;
  EXPECT_EQ(error_of(options).code(), ErrorCode::Usage);
  EXPECT_EQ(error_of(options).fields().where, "manifest.json config.eps_px");
  options = made_up_options(path("out"));
  options.program_version = "next";
  EXPECT_EQ(error_of(options).fields().where, "manifest.json program");
  write_list(21);
  EXPECT_TRUE(error_of(made_up_options(path("out"))).fields().where.starts_with("manifest.json list."));
  options.overwrite = true;
  EXPECT_EQ(run(options).items, 21);
  EXPECT_EQ(check_output(path("out")).problems, std::vector<std::string>());
}

TEST_F(SlowMarkRun, FolderWithOtherThingsIsRefusedAndKept) {
  fs::create_directory(path("out"));
  std::ofstream(path("out") / "thesis.txt") << "mine";
  EXPECT_EQ(error_of(made_up_options(path("out"))).code(), ErrorCode::Usage);
  MarkRunOptions options = made_up_options(path("out"));
  options.overwrite = true;
  EXPECT_EQ(error_of(options).code(), ErrorCode::Usage);
  EXPECT_EQ(files_of(path("out")), (Files{{"thesis.txt", "mine"}}));
}

TEST_F(SlowMarkRun, FatalErrorKeepsFinishedShardsAndNoStaging) {
  EXPECT_EQ(error_of(made_up_options(path("out")), made_up_work("item7")).code(), ErrorCode::Resource);
  for (const auto& entry : fs::directory_iterator(path("out")))
    EXPECT_FALSE(entry.path().filename().string().starts_with("."));
  EXPECT_FALSE(check_output(path("out")).problems.empty());
  run("out");
  run("fresh");
  EXPECT_EQ(files_of(path("out")), files_of(path("fresh")));
}

TEST_F(SlowMarkRun, SingleItemsErrorIsTheRunsAndLeavesNothing) {
  write_list(1, 1);
  MarkRunOptions options = made_up_options(path("a") / "b");
  options.single = true;
  EXPECT_EQ(error_of(options).code(), ErrorCode::Malformed);
  EXPECT_FALSE(fs::exists(path("a")));
  write_list(1, 2);
  EXPECT_EQ(run(options).counts.failed, 0);
  const Files before = files_of(options.folder);
  write_list(1, 1);
  options.overwrite = true;
  EXPECT_EQ(error_of(options).code(), ErrorCode::Malformed);
  EXPECT_EQ(files_of(options.folder), before);  // what was to be replaced is still there
}

TEST_F(SlowMarkRun, StopsWhenMostVideosFail) {
  write_list(30, 1);
  const Error error = error_of(made_up_options(path("out")));
  EXPECT_EQ(error.code(), ErrorCode::Malformed);
  EXPECT_EQ(error.fields().got, "20 of 20");
  MarkRunOptions options = made_up_options(path("all"));
  options.max_failed = 1;
  EXPECT_EQ(run(options).counts.failed, 30);
}

TEST_F(SlowMarkRun, FailureThatIsNotTheVideosEndsTheRun) {
  const auto full = [](const WorkItem&, ItemSpool&) -> std::map<std::string, double> {
    throw system_error("write", "somewhere", ENOSPC);
  };
  EXPECT_EQ(error_of(made_up_options(path("out")), full).code(), ErrorCode::FileSystem);
  const auto missing = [](const WorkItem& item, ItemSpool&) -> std::map<std::string, double> {
    throw system_error("open", item.video.string(), ENOENT);
  };
  MarkRunOptions options = made_up_options(path("other"));
  options.max_failed = 1;
  EXPECT_EQ(run(options, missing).counts.failed, 20);
}

TEST_F(SlowMarkRun, SlowItemHoldsNobody) {
  std::atomic<bool> released = false;
  std::atomic<int> others = 0;
  MarkRunOptions options = made_up_options(path("out"));
  options.workers = 2;
  options.shards = 12;
  run(options, [&](const WorkItem& item, ItemSpool& spool) {
    if (item.id == "item0") {
      while (others < 19) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      released = true;
    } else {
      ++others;
    }
    return made_up_work()(item, spool);
  });
  EXPECT_TRUE(released);
  EXPECT_EQ(check_output(path("out")).problems, std::vector<std::string>());
}

TEST_F(SlowMarkRun, TwoLiveProcessesShareAFolderButNoShard) {
  run("fresh");
  const std::string list = path("list.jsonl").string(), out = path("out").string();
  const pid_t first = start({"PROGRAM", list, out, "1", "0", "2"});
  while (!fs::exists(path("out") / "manifest.json")) usleep(1000);
  MarkRunOptions options = made_up_options(path("out"));
  const Error error = error_of(options);
  EXPECT_EQ(error.code(), ErrorCode::Usage);
  EXPECT_EQ(error.fields().got, "process " + std::to_string(first));
  options.part = 1;
  options.parts = 2;
  run(options);
  EXPECT_EQ(status_of(first), 0);
  EXPECT_EQ(files_of(path("out")), files_of(path("fresh")));
}

TEST_F(SlowMarkRun, TerminationIsCleanAndResumable) {
  const std::string list = path("list.jsonl").string(), out = path("out").string();
  const pid_t child = start({"PROGRAM", list, out, "2", "0", "1"});
  while (!fs::exists(path("out") / "manifest.json")) usleep(1000);
  usleep(20'000);
  kill(child, SIGTERM);
  EXPECT_EQ(status_of(child), 75);
  for (const auto& entry : fs::directory_iterator(path("out")))
    EXPECT_FALSE(entry.path().filename().string().starts_with("."));
  run("out");
  run("fresh");
  EXPECT_EQ(files_of(path("out")), files_of(path("fresh")));
}

TEST_F(SlowMarkRun, KilledAtAnyMomentAndStartedAgainGivesTheSameBytes) {
  write_list(40);
  run("fresh");
  const Files expected = files_of(path("fresh"));
  Rng rng(static_cast<uint64_t>(getpid()));
  int kills = 0;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const pid_t child = start({"PROGRAM", path("list.jsonl").string(), path("out").string(), "2", "0", "1"});
    usleep(static_cast<useconds_t>(rng.integer(1'000, 120'000)));
    kill(child, SIGKILL);
    if (status_of(child) != 0) ++kills;
  }
  EXPECT_GT(kills, 0);
  run("out");
  EXPECT_EQ(files_of(path("out")), expected);
  EXPECT_EQ(check_output(path("out")).problems, std::vector<std::string>());
}

TEST_F(SlowMarkRun, CheckFindsEveryKindOfDamage) {
  run("out");
  const Path out = path("out");
  const Files before = files_of(out);
  for (const auto& [name, bytes] : before) {
    if (!name.ends_with("item1-s000-c000.jpg") && name.starts_with("images/")) continue;  // one of a kind will do
    if (!name.starts_with("videos/item1-s000") && name.starts_with("videos/")) continue;
    const auto restore = [&, &file_name = name, &content = bytes] {
      std::ofstream(out / file_name, std::ios::binary) << content;
    };
    fs::remove(out / name);
    EXPECT_FALSE(check_output(out).problems.empty()) << name << " removed";
    restore();
    std::ofstream(out / name, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
    EXPECT_FALSE(check_output(out).problems.empty()) << name << " cut";
    restore();
    if (name == "manifest.json") continue;  // its text is for people
    std::string changed = bytes;
    changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
    std::ofstream(out / name, std::ios::binary) << changed;
    EXPECT_FALSE(check_output(out).problems.empty()) << name << " changed";
    restore();
  }
  std::ofstream(out / "images" / "extra.jpg") << "x";
  EXPECT_EQ(check_output(out).problems, std::vector<std::string>{"images/extra.jpg: belongs to no shard"});
}

TEST_F(SlowMarkRun, RanksUnderMpirunMakeTheSameBytes) {
  const Path folder = fs::read_symlink("/proc/self/exe").parent_path();
  if (!fs::exists(folder / "mpi_ranks.so") || system("mpirun --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no MPI";
  run("fresh");
  const auto ranks = [this](const std::string& out, const std::string& fatal) {
    // The MPI library keeps what it allocated.
    return status_of(
        start({"env", "ASAN_OPTIONS=detect_leaks=0", "mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2",
               "PROGRAM", path("list.jsonl").string(), path(out).string(), "2", "0", "1", fatal}));
  };
  ASSERT_EQ(ranks("out", ""), 0) << read_file(path("stderr.txt"), 1 << 20);
  EXPECT_EQ(files_of(path("out")), files_of(path("fresh")));
  EXPECT_EQ(ranks("failed", "item7"), 7) << read_file(path("stderr.txt"), 1 << 20);
  EXPECT_NE(read_file(path("stderr.txt"), 1 << 20).find("error[peer] rank "), std::string::npos);
  run("failed");
  EXPECT_EQ(files_of(path("failed")), files_of(path("fresh")));
}

}  // namespace
}  // namespace magma
