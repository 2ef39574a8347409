#include "magma/core/interrupt.h"

#include <atomic>
#include <cerrno>
#include <csignal>

#include <unistd.h>

#include "magma/core/error.h"

namespace magma {
namespace {

std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void note_signal(int signal) { received = signal; }

// The mapped bytes are gone, so nothing can go on; only what is safe in a signal handler is called.
void end_for_lost_bytes(int /*signal*/) {
  constexpr char kLine[] =
      "error[file-system] a file was cut short while it was being read - run again when nothing writes to it\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kLine, sizeof(kLine) - 1);
  ::_exit(static_cast<int>(ErrorCode::FileSystem));
}

}  // namespace

void install_interrupt_handlers() {
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;  // libraries are not prepared for interrupted calls; we poll
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM}) {
    if (sigaction(signal, &action, nullptr) != 0) throw system_error("sigaction", "", errno);
  }
  action.sa_handler = end_for_lost_bytes;
  if (sigaction(SIGBUS, &action, nullptr) != 0) throw system_error("sigaction", "", errno);
}

int interrupt_signal() { return received; }

void throw_if_interrupted() {
  const int signal = received;
  if (signal == 0) return;
  const bool by_user = signal == SIGINT;
  throw Error(by_user ? ErrorCode::Stopped : ErrorCode::Terminated,
              {.what = "stopped by a signal", .got = by_user ? "SIGINT" : "SIGTERM"});
}

bool is_interruption(ErrorCode code) {
  return code == ErrorCode::Interrupted || code == ErrorCode::Stopped || code == ErrorCode::Terminated;
}

}  // namespace magma
