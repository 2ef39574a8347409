#include "magma/core/random.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace magma {
namespace {

TEST(Rng, IsSplitMix64) {
  Rng rng(1234567);  // published values of the generator's reference code
  EXPECT_EQ(rng.next(), 6457827717110365317U);
  EXPECT_EQ(rng.next(), 3203168211198807973U);
  EXPECT_EQ(rng.next(), 9817491932198370423U);
}

TEST(Rng, StreamsDependOnSeedClipAndStage) {
  const std::set<uint64_t> firsts = {Rng(1, "a", "s").next(), Rng(2, "a", "s").next(), Rng(1, "b", "s").next(),
                                     Rng(1, "a", "t").next(), Rng(1, "as", "").next()};
  EXPECT_EQ(firsts.size(), 5U);
  EXPECT_EQ(Rng(1, "a", "s").next(), Rng(1, "a", "s").next());
}

TEST(Rng, IntegersAreEvenOverTheInclusiveRange) {
  Rng rng(5);
  int counts[7] = {};
  for (int i = 0; i < 70'000; ++i) ++counts[rng.integer(-3, 3) + 3];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 400);
  EXPECT_EQ(rng.integer(9, 9), 9);
  EXPECT_NO_THROW(rng.integer(INT64_MIN, INT64_MAX));
}

TEST(Rng, NormalHasTheMomentsOfANormal) {
  Rng rng(6);
  double sum = 0, squares = 0, fourths = 0;
  const int n = 200'000;
  for (int i = 0; i < n; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
    fourths += x * x * x * x;
  }
  EXPECT_NEAR(sum / n, 0, 0.01);
  EXPECT_NEAR(squares / n, 1, 0.02);
  EXPECT_NEAR(fourths / n, 3, 0.15);
}

TEST(Rng, ShuffleKeepsTheElements) {
  Rng rng(7);
  std::vector<int> values = {1, 2, 3, 4, 5};
  rng.shuffle(values);
  EXPECT_EQ(std::set<int>(values.begin(), values.end()).size(), 5U);
}

}  // namespace
}  // namespace magma
