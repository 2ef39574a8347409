#include "magma/core/progress.h"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/captured_stderr.h"

namespace magma {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::chrono::milliseconds kLongerThanATerminalWaits{250};
constexpr std::chrono::milliseconds kLongerThanALogWaits{5100};

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

TEST(Progress, OnATerminalIsOneLineDrawnOver) {
  const CapturedStderr terminal(StderrKind::Terminal);
  {
    Progress progress("marks", 100, "clips");
    progress.note("a note that will be gone");
    std::this_thread::sleep_for(kLongerThanATerminalWaits);
    progress.advance(50);
    progress.advance(25);  // too soon to be drawn
    progress.note("");
  }
  const std::string text = terminal.text();
  const std::vector<std::string> drawn = split(text, '\r');  // the first is what comes before the line
  ASSERT_EQ(drawn.size(), 3U) << text;
  EXPECT_EQ(drawn[0], "");
  EXPECT_THAT(drawn[1], StartsWith("marks: [############............] 50/100 clips, a note that will be gone, "));
  EXPECT_THAT(drawn[1], EndsWith(" left"));
  EXPECT_THAT(drawn[2], StartsWith("marks: [##################......] 75/100 clips, "));
  EXPECT_THAT(drawn[2], HasSubstr("took 0:00"));
  EXPECT_GE(drawn[2].size(), drawn[1].size() + 1) << "covers the longer line before it";
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, EndsWith("\n"));
}

TEST(Progress, WithoutATotalCountsAndNothingElse) {
  const CapturedStderr terminal(StderrKind::Terminal);
  {
    Progress progress("decode", -1, "frames");
    std::this_thread::sleep_for(kLongerThanATerminalWaits);
    progress.advance(7);
  }
  const std::string text = terminal.text();
  EXPECT_THAT(text, HasSubstr("decode: 7 frames, "));
  EXPECT_THAT(text, Not(HasSubstr("left")));
  EXPECT_THAT(text, Not(HasSubstr("[")));
}

TEST(Progress, OfShortWorkAndOfQuietWorkIsNothing) {
  for (const StderrKind kind : {StderrKind::Terminal, StderrKind::Log}) {
    const CapturedStderr captured(kind);
    Progress("short", 10, "clips").advance(10);
    {
      Progress quiet("quiet", 10, "clips", ProgressStyle::Quiet);
      std::this_thread::sleep_for(kLongerThanATerminalWaits);
      quiet.advance(10);
    }
    EXPECT_EQ(captured.text(), "");
  }
}

TEST(Progress, CountsOfSeveralThreadsAddUp) {
  const CapturedStderr terminal(StderrKind::Terminal);
  {
    Progress progress("work", 4000, "frames");
    std::this_thread::sleep_for(kLongerThanATerminalWaits);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&progress] {
        for (int i = 0; i < 1000; ++i) progress.advance();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_THAT(split(terminal.text(), '\r').back(), StartsWith("work: [########################] 4000/4000 frames, "));
}

TEST(SlowProgress, InALogIsALineEveryFewSeconds) {
  const CapturedStderr log(StderrKind::Log);
  {
    Progress progress("marks", 100, "clips");
    progress.advance(1);
    std::this_thread::sleep_for(kLongerThanATerminalWaits);
    progress.advance(1);
    EXPECT_EQ(log.text(), "") << "a log is written to less often than a terminal";
    std::this_thread::sleep_for(kLongerThanALogWaits);
    progress.advance(8);
    progress.advance(1);
  }
  const std::string text = log.text();
  const std::vector<std::string> lines = split(text, '\n');
  ASSERT_EQ(lines.size(), 2U) << text;
  EXPECT_THAT(lines[0], StartsWith("marks: 10/100 clips, "));
  EXPECT_THAT(lines[0], EndsWith(" left"));
  EXPECT_THAT(lines[1], StartsWith("marks: 11/100 clips, "));
  EXPECT_THAT(lines[1], HasSubstr(", took 0:0"));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
}

}  // namespace
}  // namespace magma
