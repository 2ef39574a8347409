// Signals, closed outputs and progress, as a user or a script sees them.
#include <csignal>

#include <unistd.h>

#include "tests/apps/program_case.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

class Interruption : public ProgramCase {
 protected:
  // The run of a long video, stopped once it has begun to write.
  ProgramRun stopped(const std::string& verb, int signal) const {
    RunningProgram running({"magma", verb, "long.mp4", "-o", "new/out"}, path(""), {{"TMPDIR", path("tmp").string()}});
    while (!fs::exists(path("new/out"))) usleep(1000);
    usleep(20'000);
    running.signal(signal);
    return running.wait();
  }
};

TEST_F(Interruption, OneVideoStoppedLeavesNothing) {
  make("long.mp4", moving_box(2000));
  const auto before = names_below(path(""));
  for (const std::string verb : {"track", "mark"}) {
    for (const auto& [signal, status] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
      const ProgramRun run = stopped(verb, signal);
      EXPECT_EQ(run.status, status) << run.err;
      expect_one_line(run.err, "stopped by a signal", verb);
      EXPECT_EQ(names_below(path("")), before) << verb;
    }
  }
}

TEST_F(Interruption, ACheckOfGoodDataStops) {
  succeeds({"data", "make", "robot", "-o", "robot", "--count", "300"});
  fs::rename(path("robot/bridge_orig"), path("robot/nameless"));  // no layout: what is stored is all that is read
  RunningProgram running({"magma", "data", "check", "robot/nameless/1.0.0"}, path(""), {});
  running.wait_until_it_catches(SIGINT);
  usleep(50'000);
  running.signal(SIGINT);
  const ProgramRun run = running.wait();
  EXPECT_EQ(run.status, 130) << run.out;
  expect_one_line(run.err, "stopped by a signal", "check");
}

TEST_F(Interruption, ReaderThatHasSeenEnoughIsNoFailure) {
  const ProgramRun piped = run_words({"bash", "-c", "set -o pipefail; \"$0\" mark --help | head -1", "magma"});
  EXPECT_EQ(piped.status, 0) << piped.err;
  EXPECT_EQ(piped.out, "usage: magma mark [VIDEO] [options]\n");
  EXPECT_EQ(piped.err, "");
  make("clip.mp4", moving_box(3));
  const ProgramRun closed = run_words({"sh", "-c", "\"$0\" track clip.mp4 -o out | true", "magma"});
  EXPECT_EQ(closed.status, 0) << closed.err;
  EXPECT_TRUE(fs::exists(path("out/tracks.jsonl")));
}

TEST_F(Interruption, ResultsThatCannotBeWrittenAreAFailure) {
  const ProgramRun full = run_words({"sh", "-c", "\"$0\" list > /dev/full", "magma"});
  EXPECT_EQ(full.status, 5);
  expect_one_line(full.err, "standard output", "list");
}

TEST_F(Interruption, WithoutStandardStreamsFilesAreStillRight) {
  make("clip.mp4", moving_box(3));
  const ProgramRun closed = run_words({"sh", "-c", "exec \"$0\" track clip.mp4 -o out -q <&- >&- 2>&-", "magma"});
  succeeds({"track", "clip.mp4", "-o", "normal", "-q"});
  EXPECT_EQ(files_below(path("out")), files_below(path("normal")));
  EXPECT_EQ(closed.err, "");
}

TEST_F(Interruption, MachineFormOfAFailure) {
  const ProgramRun run = this->run({"track", "none.mp4", "-o", "out", "--json"});
  EXPECT_EQ(run.status, 5);
  const Json error = parse_json(run.out, "stdout")["error"];
  EXPECT_EQ(error["code"], "file-system");
  EXPECT_EQ(error["exit"], 5);
  EXPECT_EQ(error["file"], "none.mp4");
  const ProgramRun wrong = this->run({"track", "--json", "--nonsense"});
  EXPECT_EQ(parse_json(wrong.out, "stdout")["error"]["exit"], 2);
}

}  // namespace
}  // namespace magma
