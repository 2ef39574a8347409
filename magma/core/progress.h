// Progress: a bar with rate and ETA on a terminal, a line every few seconds in a log, nothing when quiet. To stderr.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace magma {

enum class ProgressStyle { Auto, Quiet };

class Progress {
 public:
  // total < 0: unknown. `unit` is a plural noun: "frames", "clips".
  Progress(std::string title, int64_t total, std::string unit, ProgressStyle style = ProgressStyle::Auto);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  // finishes the line

  void set_total(int64_t total);       // an estimate will do: when it is passed, it counts as unknown
  void advance(int64_t count = 1);     // thread-safe, cheap; 0 keeps the time on display moving
  void note(const std::string& text);  // shown after the counts, e.g. "3 failed"

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace magma
