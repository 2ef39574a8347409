#include "magma/core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "magma/core/error.h"

namespace magma {
namespace {

TEST(ThreadPool, RunsEveryTask) {
  ThreadPool pool(4, 2);
  std::atomic<int> sum = 0;
  for (int i = 1; i <= 1000; ++i) pool.push([&sum, i] { sum += i; });
  pool.wait();
  EXPECT_EQ(sum, 500500);
}

TEST(ThreadPool, CarriesTheFirstExceptionBackAndWorksOn) {
  ThreadPool pool(2, 4);
  pool.push([] { throw Error(ErrorCode::Numerical, {.what = "boom"}); });
  EXPECT_THROW(pool.wait(), Error);
  std::atomic<bool> ran = false;
  pool.push([&ran] { ran = true; });
  pool.wait();
  EXPECT_TRUE(ran);
}

TEST(ThreadPool, DestructionDropsWhatHasNotStarted) {
  std::atomic<int> started = 0;
  {
    ThreadPool pool(1, 100);
    for (int i = 0; i < 100; ++i) pool.push([&started] { ++started; });
  }
  EXPECT_LE(started, 100);
}

TEST(ParallelFor, CoversTheRangeOnceForAnyNumberOfThreads) {
  for (const int threads : {1, 2, 3, 7, 64}) {
    for (const int64_t count : {0, 1, 5, 63, 1000}) {
      std::vector<int> hits(static_cast<size_t>(count));
      parallel_for(threads, count, [&hits](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
      });
      EXPECT_EQ(std::count(hits.begin(), hits.end(), 1), count);
    }
  }
}

TEST(ParallelFor, ExceptionReachesTheCaller) {
  EXPECT_THROW(parallel_for(3, 10, [](int64_t, int64_t) { throw std::runtime_error("x"); }), std::runtime_error);
}

}  // namespace
}  // namespace magma
