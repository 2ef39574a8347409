#include "magma/core/interrupt.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "magma/core/error.h"

namespace magma {
namespace {

TEST(Interrupt, SignalBecomesAnErrorAtTheNextPoll) {
  const pid_t child = fork();  // the flag stays set for good, so the signal is tried in a process of its own
  if (child == 0) {
    install_interrupt_handlers();
    throw_if_interrupted();
    raise(SIGTERM);
    try {
      throw_if_interrupted();
    } catch (const Error& error) {
      _exit(interrupt_signal() == SIGTERM ? error.exit_code() : 1);
    }
    _exit(2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 143);
}

}  // namespace
}  // namespace magma
