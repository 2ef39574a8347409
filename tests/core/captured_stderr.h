// Standard error as a terminal or as a file for the length of one scope.
#pragma once

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

namespace magma {

enum class StderrKind { Terminal, Log };

class CapturedStderr {
 public:
  explicit CapturedStderr(StderrKind kind) : saved_(dup(STDERR_FILENO)) {
    std::fflush(stderr);
    const int writer = kind == StderrKind::Terminal ? open_terminal() : open_pipe();
    dup2(writer, STDERR_FILENO);
    close(writer);
    fcntl(reader_, F_SETFL, O_NONBLOCK);
  }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;
  ~CapturedStderr() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    close(reader_);
  }

  // What was written since the last call.
  std::string text() const {
    std::string all;
    std::array<char, 4096> buffer;
    for (ssize_t got = 0; (got = read(reader_, buffer.data(), buffer.size())) > 0;) {
      all.append(buffer.data(), static_cast<size_t>(got));
    }
    return all;
  }

 private:
  int open_pipe() {
    std::array<int, 2> ends;
    if (pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
    reader_ = ends[0];
    return ends[1];
  }
  int open_terminal() {
    reader_ = posix_openpt(O_RDWR | O_NOCTTY);
    if (reader_ < 0 || grantpt(reader_) != 0 || unlockpt(reader_) != 0) throw std::runtime_error("no terminal");
    const int terminal = open(ptsname(reader_), O_RDWR | O_NOCTTY);
    termios settings{};
    tcgetattr(terminal, &settings);
    cfmakeraw(&settings);  // bytes arrive as they were written
    tcsetattr(terminal, TCSANOW, &settings);
    return terminal;
  }

  int saved_;
  int reader_ = -1;
};

}  // namespace magma
