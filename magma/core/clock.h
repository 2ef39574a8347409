// Stopwatch for logs, reports and benchmarks: monotonic wall seconds and CPU seconds of this thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace magma {

class Stopwatch {
 public:
  Stopwatch() : start_(std::chrono::steady_clock::now()) {}
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_;
};

double thread_cpu_seconds();
int64_t peak_resident_bytes();  // of this process so far

}  // namespace magma
