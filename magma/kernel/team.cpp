#include "magma/kernel/team.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "magma/core/check.h"
#include "magma/core/error.h"

namespace magma {
namespace {

constexpr int kSpins = 2000;  // some ten microseconds: longer than the pauses between two layers

}  // namespace

struct Team::State {
  struct Job {
    Item item;
    const void* context;
    int64_t count;
    std::atomic<int64_t> next{0};
    std::exception_ptr failure{};  // of whoever failed first; guarded by the mutex
  };

  std::mutex mutex;
  std::condition_variable work_ready, all_left;
  std::atomic<uint64_t> generation{0};
  Job* job = nullptr;
  int inside = 0;
  bool stopping = false;
  std::vector<std::thread> threads;

  void take_items(Job& from) {
    try {
      for (int64_t i = from.next++; i < from.count; i = from.next++) from.item(from.context, i);
    } catch (const std::exception&) {
      from.next = from.count;
      const std::lock_guard lock(mutex);
      if (!from.failure) from.failure = std::current_exception();
    }
  }

  void work() {
    uint64_t seen = 0;
    while (true) {
      for (int i = 0; i < kSpins && generation.load(std::memory_order_acquire) == seen; ++i) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
      }
      std::unique_lock lock(mutex);
      work_ready.wait(lock, [&] { return stopping || generation != seen; });
      if (stopping) return;
      seen = generation;
      Job* mine = job;
      if (mine == nullptr) continue;  // it was done before this thread woke
      ++inside;
      lock.unlock();
      take_items(*mine);
      lock.lock();
      if (--inside == 0) all_left.notify_one();
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      ++generation;
    }
    work_ready.notify_all();
    for (std::thread& thread : threads) thread.join();
  }
};

Team::Team(int threads) : state_(std::make_unique<State>()) {
  MAGMA_CHECK(threads >= 1, "{} threads", threads);
  try {
    for (int i = 1; i < threads; ++i) state_->threads.emplace_back([state = state_.get()] { state->work(); });
  } catch (const std::system_error&) {
    state_->stop();
    throw Error(ErrorCode::Resource, {.what = "no more threads can be started", .hint = "use fewer threads"});
  }
}

Team::~Team() { state_->stop(); }

int Team::threads() const { return static_cast<int>(state_->threads.size()) + 1; }

void Team::run_items(int64_t count, Item item, const void* context) {
  if (count <= 1 || state_->threads.empty()) {
    for (int64_t i = 0; i < count; ++i) item(context, i);
    return;
  }
  State::Job job{item, context, count};
  {
    const std::lock_guard lock(state_->mutex);
    MAGMA_CHECK(state_->job == nullptr, "a team works on one thing at a time");
    state_->job = &job;
    ++state_->generation;
  }
  state_->work_ready.notify_all();
  state_->take_items(job);
  std::unique_lock lock(state_->mutex);
  state_->job = nullptr;
  state_->all_left.wait(lock, [&] { return state_->inside == 0; });
  if (job.failure) std::rethrow_exception(job.failure);
}

}  // namespace magma
