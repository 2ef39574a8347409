#include "magma/core/progress.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "magma/core/clock.h"

namespace magma {
namespace {

constexpr double kTerminalPeriod_s = 0.2;
constexpr double kLogPeriod_s = 5;
constexpr int kBarCells = 24;

std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string bar_text(int64_t done, int64_t total) {
  const auto filled = static_cast<size_t>(total > 0 ? std::min(done, total) * kBarCells / total : kBarCells);
  return "[" + std::string(filled, '#') + std::string(kBarCells - filled, '.') + "] ";
}

// What fits on a line of the terminal: one that wraps could not be drawn over.
size_t line_columns() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col - 1 : std::string::npos;
}

}  // namespace

struct Progress::State {
  std::string title;
  std::atomic<int64_t> total{-1};
  std::string unit;
  bool quiet;
  bool terminal;
  Stopwatch watch;
  std::atomic<int64_t> done{0};
  std::atomic<double> next_s{0};
  std::mutex mutex;  // of what follows, and of the stream
  std::string note;
  size_t shown_width = 0;
  bool shown = false;

  std::string text(bool last, bool with_bar) {
    const int64_t count = done;
    const int64_t claimed = total;
    const bool known = claimed >= count;
    const double seconds = watch.seconds();
    const double rate = seconds > 0 ? static_cast<double>(count) / seconds : 0;
    std::string line = title + ": ";
    if (with_bar && known) line += bar_text(count, claimed);
    line += known ? fmt::format("{}/{} {}", count, claimed, unit) : fmt::format("{} {}", count, unit);
    if (!note.empty()) line += ", " + note;
    line += fmt::format(", {:.3g} {}/s", rate, unit);
    if (last) return line + ", took " + duration_text(seconds);
    if (claimed > count && rate > 0) {
      line += ", " + duration_text(static_cast<double>(claimed - count) / rate) + " left";
    }
    return line;
  }

  void show(bool last) {
    std::string line = text(last, terminal);
    if (const size_t columns = line_columns(); terminal && line.size() > columns) {
      line = text(last, false).substr(0, columns);
    }
    const std::string blanks(shown_width > line.size() ? shown_width - line.size() : 0, ' ');
    const std::string bytes = terminal ? "\r" + line + blanks + (last ? "\n" : "") : line + "\n";
    std::fwrite(bytes.data(), 1, bytes.size(), stderr);
    std::fflush(stderr);
    shown_width = line.size();
    shown = true;
  }
};

Progress::Progress(std::string title, int64_t total, std::string unit, ProgressStyle style)
    : state_(std::make_unique<State>()) {
  state_->title = std::move(title);
  state_->total = total;
  state_->unit = std::move(unit);
  state_->quiet = style == ProgressStyle::Quiet;
  state_->terminal = isatty(STDERR_FILENO) == 1;
  state_->next_s = state_->terminal ? kTerminalPeriod_s : kLogPeriod_s;
}

Progress::~Progress() {
  const std::lock_guard lock(state_->mutex);
  if (state_->shown) state_->show(true);  // work too short to have shown anything needs no last line either
}

void Progress::set_total(int64_t total) { state_->total = total; }

void Progress::advance(int64_t count) {
  state_->done += count;
  if (state_->quiet || state_->watch.seconds() < state_->next_s) return;
  const std::unique_lock lock(state_->mutex, std::try_to_lock);
  if (!lock.owns_lock()) return;  // another thread is showing it
  state_->show(false);
  state_->next_s = state_->watch.seconds() + (state_->terminal ? kTerminalPeriod_s : kLogPeriod_s);
}

void Progress::note(const std::string& text) {
  const std::lock_guard lock(state_->mutex);
  state_->note = text;
}

}  // namespace magma
