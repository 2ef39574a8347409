#include "magma/core/thread_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "magma/core/check.h"
#include "magma/core/error.h"

namespace magma {
namespace {

std::thread start_thread(std::function<void()> body) {
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error&) {
    throw Error(ErrorCode::Resource, {.what = "no more threads can be started", .hint = "use fewer threads"});
  }
}

}  // namespace

struct ThreadPool::State {
  explicit State(size_t queue) : capacity(queue) {}

  std::mutex mutex;
  std::condition_variable task_ready, room_ready, idle;
  std::deque<std::function<void()>> tasks;
  std::vector<std::thread> threads;
  std::exception_ptr failure;
  size_t capacity;
  size_t running = 0;
  bool stopping = false;

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      task_ready.wait(lock, [this] { return stopping || !tasks.empty(); });
      if (stopping) return;
      const std::function<void()> task = std::move(tasks.front());
      tasks.pop_front();
      ++running;
      room_ready.notify_one();
      lock.unlock();
      const std::exception_ptr thrown = run(task);
      lock.lock();
      finish(thrown);
    }
  }

  static std::exception_ptr run(const std::function<void()>& task) {
    try {
      task();
    } catch (const std::exception&) {
      return std::current_exception();
    }
    return nullptr;
  }

  void finish(const std::exception_ptr& thrown) {
    --running;
    if (thrown && !failure) {
      failure = thrown;
      tasks.clear();
      room_ready.notify_all();
    }
    if (running == 0 && tasks.empty()) idle.notify_all();
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      tasks.clear();
    }
    task_ready.notify_all();
    for (std::thread& thread : threads) thread.join();
  }
};

ThreadPool::ThreadPool(int threads, size_t queue) : state_(std::make_unique<State>(queue)) {
  MAGMA_CHECK(threads >= 1 && queue >= 1, "{} threads, queue of {}", threads, queue);
  try {
    for (int i = 0; i < threads; ++i) {
      state_->threads.push_back(start_thread([state = state_.get()] { state->work(); }));
    }
  } catch (const Error&) {
    state_->stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { state_->stop(); }

void ThreadPool::push(std::function<void()> task) {
  std::unique_lock lock(state_->mutex);
  state_->room_ready.wait(lock, [this] { return state_->failure || state_->tasks.size() < state_->capacity; });
  if (state_->failure) return;
  state_->tasks.push_back(std::move(task));
  state_->task_ready.notify_one();
}

void ThreadPool::wait() {
  std::unique_lock lock(state_->mutex);
  state_->idle.wait(lock, [this] { return state_->running == 0 && state_->tasks.empty(); });
  if (!state_->failure) return;
  const std::exception_ptr failure = std::exchange(state_->failure, nullptr);
  std::rethrow_exception(failure);
}

void parallel_for(int threads, int64_t count, const std::function<void(int64_t, int64_t)>& body) {
  MAGMA_CHECK(threads >= 1, "{} threads", threads);
  if (count <= 0) return;
  const int64_t slices = std::min<int64_t>(threads, count);
  if (slices == 1) return body(0, count);
  ThreadPool pool(static_cast<int>(slices), static_cast<size_t>(slices));
  for (int64_t i = 0; i < slices; ++i) {
    pool.push([&body, i, slices, count] { body(count * i / slices, count * (i + 1) / slices); });
  }
  pool.wait();
}

}  // namespace magma
