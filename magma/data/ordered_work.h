// OrderedWork: results of numbered tasks in their order, made ahead of time by several threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace magma {

template <typename Result>
class OrderedWork {
 public:
  // `make` is called for first, first + 1, ... from `workers` threads, at most `ahead` tasks before the one that next()
  // gives out. It returns nullopt once there are no more; what it throws, next() throws.
  OrderedWork(int workers, int64_t ahead, int64_t first, std::function<std::optional<Result>(int64_t)> make)
      : make_(std::move(make)), ahead_(ahead), next_task_(first), next_result_(first) {
    for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  }
  OrderedWork(const OrderedWork&) = delete;
  OrderedWork& operator=(const OrderedWork&) = delete;
  ~OrderedWork() {
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  std::optional<Result> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_.contains(next_result_); });
    Done done = std::move(done_.extract(next_result_).mapped());
    ++next_result_;
    lock.unlock();
    changed_.notify_all();
    if (done.failure) std::rethrow_exception(done.failure);
    return std::move(done.result);
  }

 private:
  struct Done {
    std::optional<Result> result;
    std::exception_ptr failure;
  };

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopped_ || next_task_ < next_result_ + ahead_; });
      if (stopped_) return;
      const int64_t task = next_task_++;
      lock.unlock();
      Done done;
      try {
        done.result = make_(task);
      } catch (const std::exception&) {
        done.failure = std::current_exception();
      }
      lock.lock();
      done_[task] = std::move(done);
      changed_.notify_all();
    }
  }

  std::function<std::optional<Result>(int64_t)> make_;
  const int64_t ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t next_task_, next_result_;
  std::map<int64_t, Done> done_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace magma
