// The program as a user starts it: a child process in a folder, with what it says and leaves.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "magma/core/file.h"

namespace magma {

struct ProgramRun {
  int status = -1;  // exit code; 128 + signal when one ended it
  std::string out, err;
};

// A child that was started and is not yet waited for.
class RunningProgram {
 public:
  // `words` in `folder`; the word "magma" stands for the program. Variables of `environment` are added.
  RunningProgram(const std::vector<std::string>& words, const Path& folder,
                 const std::map<std::string, std::string>& environment = {});
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;
  ~RunningProgram();  // kills it when nobody waited
  void signal(int number) const;
  void wait_until_it_catches(int number) const;  // before, a signal ends it without a word
  ProgramRun wait();

 private:
  pid_t child_ = -1;
  Path out_, err_;
};

ProgramRun run_in(const Path& folder, const std::vector<std::string>& words,
                  const std::map<std::string, std::string>& environment = {});

Path program_path();

using Files = std::map<std::string, std::string>;  // relative name -> bytes

// Every file below `folder`, report.* and *.log excepted where `final_only`.
Files files_below(const Path& folder, bool final_only = true);

// Names of all files and folders below `folder`, hidden ones included.
std::vector<std::string> names_below(const Path& folder);

int64_t frames_of(const Path& video);  // as ffprobe decodes them

}  // namespace magma
