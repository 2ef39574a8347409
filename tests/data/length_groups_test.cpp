#include "magma/data/length_groups.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/core/random.h"

namespace magma {
namespace {

// `negative`: about every third.
std::vector<int64_t> random_lengths(int64_t count, uint64_t seed, bool negative) {
  Rng rng(seed);
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = rng.integer(1, 50);
    lengths.push_back(negative && rng.integer(0, 2) == 0 ? -length : length);
  }
  return lengths;
}

std::vector<int64_t> lengths_at(const std::vector<int64_t>& lengths, const std::vector<int64_t>& order, size_t begin,
                                size_t end) {
  std::vector<int64_t> taken;
  for (size_t i = begin; i < std::min(end, order.size()); ++i) taken.push_back(lengths[static_cast<size_t>(order[i])]);
  return taken;
}

void expect_permutation(const std::vector<int64_t>& order, size_t count) {
  const std::set<int64_t> each(order.begin(), order.end());
  EXPECT_EQ(order.size(), count);
  EXPECT_EQ(each.size(), count);
  EXPECT_EQ(*each.begin(), 0);
  EXPECT_EQ(*each.rbegin(), static_cast<int64_t>(count) - 1);
}

TEST(LengthGroups, EachRunOfABatchIsSortedLongestFirst) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto count = static_cast<int64_t>(1 + seed * 7 % 90);
    const auto batch = static_cast<int64_t>(1 + seed % 9);
    const std::vector<int64_t> lengths = random_lengths(count, seed, false);
    const std::vector<int64_t> order = length_grouped(lengths, batch, seed);
    expect_permutation(order, lengths.size());
    EXPECT_EQ(order, length_grouped(lengths, batch, seed));
    for (size_t at = 0; at < order.size(); at += static_cast<size_t>(batch)) {
      const auto run = lengths_at(lengths, order, at, at + static_cast<size_t>(batch));
      EXPECT_TRUE(std::is_sorted(run.rbegin(), run.rend())) << seed;
    }
  }
}

TEST(LengthGroups, AnotherSeedPutsOthersTogether) {
  const std::vector<int64_t> lengths = random_lengths(40, 1, false);
  EXPECT_NE(length_grouped(lengths, 4, 1), length_grouped(lengths, 4, 2));
}

TEST(ModalityGroups, EachRunButTheLastIsOfOneKind) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto count = static_cast<int64_t>(20 + seed * 7 % 90);
    const auto batch = static_cast<int64_t>(1 + seed % 9);
    const std::vector<int64_t> lengths = random_lengths(count, seed, true);
    const std::vector<int64_t> order = modality_grouped(lengths, batch, seed);
    expect_permutation(order, lengths.size());
    const auto with = std::count_if(lengths.begin(), lengths.end(), [](int64_t length) { return length > 0; });
    const auto without = static_cast<int64_t>(lengths.size()) - with;
    ASSERT_TRUE(with > 0 && without > 0) << seed;
    // The last run of either kind, full or not, is left over.
    const auto left = static_cast<size_t>((with - 1) % batch + 1 + (without - 1) % batch + 1);
    const size_t runs_end = order.size() - left;
    ASSERT_EQ(runs_end % static_cast<size_t>(batch), 0U);
    for (size_t at = 0; at < runs_end; at += static_cast<size_t>(batch)) {
      std::vector<int64_t> run = lengths_at(lengths, order, at, at + static_cast<size_t>(batch));
      EXPECT_EQ(std::count_if(run.begin(), run.end(), [&](int64_t length) { return (length > 0) == (run[0] > 0); }),
                batch);
      for (int64_t& length : run) length = std::abs(length);
      EXPECT_TRUE(std::is_sorted(run.rbegin(), run.rend()));
    }
    EXPECT_TRUE(std::is_sorted(order.begin() + static_cast<int64_t>(runs_end), order.end()));
  }
}

TEST(ModalityGroups, OfOneKindTheyAreLengthGroups) {
  std::vector<int64_t> lengths = random_lengths(30, 2, false);
  EXPECT_EQ(modality_grouped(lengths, 4, 9), length_grouped(lengths, 4, 9));
  for (int64_t& length : lengths) length = -length;
  const std::vector<int64_t> order = modality_grouped(lengths, 30, 9);
  EXPECT_EQ(lengths_at(lengths, order, 0, 1)[0], *std::max_element(lengths.begin(), lengths.end()))
      << "texts alone: the shortest first, as the reference sorts them";
}

TEST(ModalityGroups, ASampleWithoutWordsIsNamed) {
  try {
    modality_grouped({3, -2, 0}, 2, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Usage);
    EXPECT_EQ(error.fields().got, "sample 2");
  }
}

}  // namespace
}  // namespace magma
