#include "tests/apps/program.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/image/video_inputs.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kLargest = int64_t{256} << 20;

Path unnamed_file() {
  std::string name = (fs::temp_directory_path() / "magma-said-XXXXXX").string();
  const int descriptor = mkstemp(name.data());
  if (descriptor < 0) throw std::runtime_error("mkstemp failed for " + name);
  close(descriptor);
  return name;
}

void become(std::vector<std::string> words, const Path& folder, const std::map<std::string, std::string>& environment) {
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  if (chdir(folder.c_str()) != 0) _exit(125);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  execvp(pointers[0], pointers.data());
  _exit(127);
}

std::string taken(const Path& path) {
  std::string text = read_file(path, kLargest);
  fs::remove(path);
  return text;
}

}  // namespace

Path program_path() { return fs::read_symlink("/proc/self/exe").parent_path() / "magma"; }

RunningProgram::RunningProgram(const std::vector<std::string>& words, const Path& folder,
                               const std::map<std::string, std::string>& environment)
    : out_(unnamed_file()), err_(unnamed_file()) {
  std::vector<std::string> full = words;
  std::replace(full.begin(), full.end(), std::string("magma"), program_path().string());
  child_ = fork();
  if (child_ != 0) return;
  dup2(open(out_.c_str(), O_WRONLY | O_TRUNC), STDOUT_FILENO);
  dup2(open(err_.c_str(), O_WRONLY | O_TRUNC), STDERR_FILENO);
  become(full, folder, environment);
}

RunningProgram::~RunningProgram() {
  if (child_ < 0) return;
  signal(SIGKILL);
  wait();
}

void RunningProgram::signal(int number) const { kill(child_, number); }

void RunningProgram::wait_until_it_catches(int number) const {
  while (true) {
    std::ifstream file(fmt::format("/proc/{}/status", child_));
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const size_t at = text.find("SigCgt:");
    if (at == std::string::npos || text.find("State:\tZ") != std::string::npos) return;  // wait() says how it ended
    const std::string mask = text.substr(at + std::strlen("SigCgt:"), text.find('\n', at) - at);
    if ((std::stoull(mask, nullptr, 16) >> (number - 1) & 1U) != 0) return;
    usleep(1000);
  }
}

ProgramRun RunningProgram::wait() {
  int status = 0;
  waitpid(std::exchange(child_, -1), &status, 0);
  ProgramRun run;
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  run.out = taken(out_);
  run.err = taken(err_);
  return run;
}

ProgramRun run_in(const Path& folder, const std::vector<std::string>& words,
                  const std::map<std::string, std::string>& environment) {
  return RunningProgram(words, folder, environment).wait();
}

Files files_below(const Path& folder, bool final_only) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    const bool may_hold_times = name.starts_with("report.") || name.ends_with(".log");
    if (entry.is_directory() || (final_only && may_hold_times)) continue;
    files[name] = read_file(entry.path(), kLargest);
  }
  return files;
}

std::vector<std::string> names_below(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    names.push_back(entry.path().lexically_relative(folder).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

int64_t frames_of(const Path& video) {
  return std::stoll(
      output_of("ffprobe -v error -select_streams v:0 -count_frames -show_entries stream=nb_read_frames -of "
                "csv=p=0 '" +
                video.string() + "'"));
}

}  // namespace magma
