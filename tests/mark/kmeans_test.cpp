#include "magma/mark/kmeans.h"

#include <set>

#include <gmock/gmock.h>

namespace magma {
namespace {

TEST(KMeans, FindsThreeSeparateGroups) {
  std::vector<float> rows;
  for (int i = 0; i < 30; ++i) {
    rows.push_back(static_cast<float>(100 * (i % 3)) + 0.1F * static_cast<float>(i));
    rows.push_back(static_cast<float>(-50 * (i % 3)));
  }
  Rng rng(1);
  const std::vector<int> cluster = kmeans(rows, 2, 3, rng);
  for (int i = 3; i < 30; ++i) EXPECT_EQ(cluster[static_cast<size_t>(i)], cluster[static_cast<size_t>(i % 3)]);
  EXPECT_EQ(std::set<int>(cluster.begin(), cluster.end()).size(), 3U);
}

TEST(KMeans, KeepsEveryClusterNonEmptyEvenWhenAllRowsAreEqual) {
  for (int k = 1; k <= 6; ++k) {
    Rng rng(static_cast<uint64_t>(k));
    const std::vector<int> cluster = kmeans(std::vector<float>(12, 3.0F), 2, k, rng);
    EXPECT_EQ(std::set<int>(cluster.begin(), cluster.end()).size(), static_cast<size_t>(k));
  }
}

TEST(KMeans, ClipsTheNumberOfClustersToTheRows) {
  Rng rng(1);
  EXPECT_THAT(kmeans({1, 5}, 1, 9, rng), testing::UnorderedElementsAre(0, 1));
  EXPECT_THAT(kmeans({4}, 1, 3, rng), testing::ElementsAre(0));
  EXPECT_TRUE(kmeans({}, 4, 3, rng).empty());
}

TEST(KMeans, SameSeedGivesTheSameClusters) {
  Rng values(5);
  std::vector<float> rows;
  for (int i = 0; i < 400; ++i) rows.push_back(static_cast<float>(values.uniform()));
  Rng a(9);
  Rng b(9);
  EXPECT_EQ(kmeans(rows, 4, 7, a), kmeans(rows, 4, 7, b));
}

}  // namespace
}  // namespace magma
