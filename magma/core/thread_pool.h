// ThreadPool: fixed workers, bounded queue (push waits), the first exception is carried back by wait().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace magma {

class ThreadPool {
 public:
  // threads >= 1; at most `queue` tasks wait.
  ThreadPool(int threads, size_t queue);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();  // drops what has not started, waits for what has

  void push(std::function<void()> task);
  void wait();  // until idle; rethrows the first exception of a task, after which queued tasks are dropped

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Calls body(begin, end) on `threads` threads over equal slices of [0, count); results must not depend on slicing.
void parallel_for(int threads, int64_t count, const std::function<void(int64_t, int64_t)>& body);

}  // namespace magma
