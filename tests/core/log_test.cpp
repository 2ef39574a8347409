#include "magma/core/log.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/core/captured_stderr.h"

namespace magma {
namespace {

class LogTest : public testing::Test {
 protected:
  LogTest() : before_(log_level()) { set_log_level(LogLevel::Warning); }
  ~LogTest() override { set_log_level(before_); }

 private:
  LogLevel before_;
};

TEST_F(LogTest, LevelDecidesWhatIsWritten) {
  const CapturedStderr captured(StderrKind::Log);
  set_log_level(LogLevel::Warning);
  log(LogLevel::Info, "not {}", 1);
  log(LogLevel::Warning, "clip {} of {}", 3, "a.mp4");
  log(LogLevel::Error, "gone");
  EXPECT_EQ(captured.text(), "warning: clip 3 of a.mp4\nerror: gone\n");
  set_log_level(LogLevel::Debug);
  log(LogLevel::Debug, "all");
  EXPECT_EQ(captured.text(), "debug: all\n");
  set_log_level(LogLevel::Off);
  log(LogLevel::Error, "nothing");
  EXPECT_EQ(captured.text(), "");
}

TEST_F(LogTest, EveryMessageIsOneLineOfBoundedLength) {
  const CapturedStderr captured(StderrKind::Log);
  log(LogLevel::Error, "a\nb\r\x1b[31m{}", "\xff");
  EXPECT_EQ(captured.text(), "error: a\\nb\\x0d\\x1b[31m\\xff\n");
  log(LogLevel::Error, "{}", std::string(100'000, 'x'));
  const std::string text = captured.text();
  EXPECT_LT(text.size(), 2100U);
  EXPECT_THAT(text, testing::EndsWith("...\n"));
}

TEST_F(LogTest, ATerminalGetsWhatALogGets) {
  const CapturedStderr terminal(StderrKind::Terminal);
  log(LogLevel::Error, "plain");
  EXPECT_EQ(terminal.text(), "error: plain\n");
}

// In processes of their own, because the environment is looked at once.
TEST(LogDeathTest, EnvironmentSetsTheLevel) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto run_with = [](const char* name) {
    setenv("MAGMA_LOG", name, 1);
    log(LogLevel::Debug, "seen");
    _exit(static_cast<int>(log_level()));
  };
  EXPECT_EXIT(run_with("debug"), testing::ExitedWithCode(static_cast<int>(LogLevel::Debug)), "debug: seen");
  EXPECT_EXIT(run_with("error"), testing::ExitedWithCode(static_cast<int>(LogLevel::Error)), "^$");
  EXPECT_EXIT(run_with("loud"), testing::ExitedWithCode(static_cast<int>(LogLevel::Warning)),
              "warning: MAGMA_LOG=loud is none of debug, info, warning, error, off; using warning");
}

}  // namespace
}  // namespace magma
