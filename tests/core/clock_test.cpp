#include "magma/core/clock.h"

#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace magma {
namespace {

constexpr std::chrono::milliseconds kNap{60};
constexpr double kNap_s = 0.06;

void work_for(double cpu_seconds) {
  for (const double end = thread_cpu_seconds() + cpu_seconds; thread_cpu_seconds() < end;) continue;
}

TEST(Stopwatch, CountsTimeAsleepWhichTheProcessorDoesNot) {
  const Stopwatch watch;
  const double cpu_before = thread_cpu_seconds();
  std::this_thread::sleep_for(kNap);
  EXPECT_GE(watch.seconds(), kNap_s);
  EXPECT_LT(thread_cpu_seconds() - cpu_before, kNap_s / 2);
}

TEST(Stopwatch, NeverGoesBack) {
  const Stopwatch watch;
  double last = watch.seconds();
  for (int i = 0; i < 10'000; ++i) {
    const double now = watch.seconds();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(ThreadCpuSeconds, AreThoseOfOneThread) {
  const double before = thread_cpu_seconds();
  double of_other = 0;
  std::thread([&of_other] {
    work_for(kNap_s);
    of_other = thread_cpu_seconds();
  }).join();
  EXPECT_GE(of_other, kNap_s);
  EXPECT_LT(thread_cpu_seconds() - before, kNap_s / 2);
  work_for(kNap_s);
  EXPECT_GE(thread_cpu_seconds() - before, kNap_s);
}

TEST(PeakResidentBytes, HoldTheHighestPointAfterItIsOver) {
  constexpr size_t kBytes = size_t{64} << 20U;
  const int64_t before = peak_resident_bytes();
  EXPECT_GT(before, 1 << 20);
  { const std::vector<char> large(kBytes, 1); }
  EXPECT_GE(peak_resident_bytes(), static_cast<int64_t>(kBytes));
  EXPECT_GE(peak_resident_bytes(), before);
}

}  // namespace
}  // namespace magma
