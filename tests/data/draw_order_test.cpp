// The order of a stream: what is drawn, how often, and that it hangs on nothing but seed and place.
#include "magma/data/draw_order.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "magma/data/mixtures.h"
#include "magma/data/permutation.h"

namespace magma {
namespace {

std::vector<int64_t> counting(int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

std::vector<int64_t> sorted(std::vector<int64_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

using Draw = std::pair<size_t, int64_t>;

std::vector<Draw> draws_of(const DrawOrder& order, int64_t from, int64_t end) {
  std::vector<Draw> draws;
  for (int64_t row = from; row < end; ++row) {
    const DrawnSample drawn = order.at(row);
    draws.emplace_back(drawn.entry, drawn.index);
  }
  return draws;
}

// Of one entry, in the order of the rows.
std::vector<int64_t> indices_of(const std::vector<Draw>& draws, size_t entry) {
  std::vector<int64_t> indices;
  for (const auto& [from, index] : draws) {
    if (from == entry) indices.push_back(index);
  }
  return indices;
}

// Chi-square of counts against shares of their sum.
double chi_square(const std::vector<int64_t>& counts, const std::vector<double>& shares) {
  const auto all = static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  double sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = all * shares[i];
    sum += (static_cast<double>(counts[i]) - expected) * (static_cast<double>(counts[i]) - expected) / expected;
  }
  return sum;
}

// Two streams of which the first has episodes, and two lists of items.
DrawOrder mixed_order(uint64_t seed) {
  return DrawOrder({{.size = 57, .stream = true, .probability = 0.7, .episodes = {0, 5, 21, 40}},
                    {.size = 13},
                    {.size = 31, .stream = true, .probability = 0.3},
                    {.size = 29}},
                   {.seed = seed, .stream_probability = 0.6, .shuffle_buffer = 10});
}

TEST(Permutation, IsOneForEverySize) {
  std::vector<int64_t> sizes = counting(70);
  sizes.insert(sizes.end(), {255, 256, 257, 4095, 4096, 4097, 10'000});
  for (const int64_t size : sizes) {
    if (size == 0) continue;
    const Permutation permutation(size, 7);
    std::vector<int64_t> values;
    for (int64_t place = 0; place < size; ++place) values.push_back(permutation.at(place));
    EXPECT_EQ(sorted(values), counting(size)) << size;
  }
}

TEST(Permutation, EveryPlaceGetsEveryValueAlikeOften) {
  constexpr int64_t kSize = 10;
  constexpr double kCriticalAt99_9 = 27.88;  // 9 degrees of freedom
  for (const int64_t place : {0, 4, 9}) {
    std::vector<int64_t> counts(kSize);
    for (uint64_t seed = 0; seed < 5000; ++seed) ++counts[static_cast<size_t>(Permutation(kSize, seed).at(place))];
    EXPECT_LT(chi_square(counts, std::vector<double>(kSize, 1.0 / kSize)), kCriticalAt99_9) << place;
  }
}

TEST(DrawOrder, AnEpochOfItemsHasEachOnce) {
  const DrawOrder order({{.size = 13}, {.size = 0}, {.size = 29}}, {.seed = 3});
  std::vector<std::vector<Draw>> epochs;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    const auto& draws = epochs.emplace_back(draws_of(order, 42 * epoch, 42 * (epoch + 1)));
    EXPECT_EQ(sorted(indices_of(draws, 0)), counting(13));
    EXPECT_EQ(sorted(indices_of(draws, 2)), counting(29));
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[1], epochs[2]);
}

TEST(DrawOrder, AnEpochOfFramesHasEachOnceWithinItsRange) {
  for (const int64_t buffer : {1, 10, 57, 1000}) {
    const DrawOrder order({{.size = 57, .stream = true, .probability = 1}},
                          {.seed = 4, .stream_probability = 1, .shuffle_buffer = buffer});
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      const std::vector<int64_t> frames = indices_of(draws_of(order, 57 * epoch, 57 * (epoch + 1)), 0);
      EXPECT_EQ(sorted(frames), counting(57));
      for (int64_t place = 0; place < 57; ++place) {
        EXPECT_LT(std::abs(frames[static_cast<size_t>(place)] - place), buffer) << "a frame moves within the range";
      }
      EXPECT_EQ(frames == counting(57), buffer == 1);
    }
  }
}

TEST(DrawOrder, EpisodesAreShuffledAsAWhole) {
  const std::vector<int64_t> begins = {0, 5, 21, 40}, ends = {5, 21, 40, 57};
  std::set<std::vector<int64_t>> orders;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const DrawOrder order({{.size = 57, .stream = true, .probability = 1, .episodes = begins}},
                          {.seed = seed, .stream_probability = 1, .shuffle_buffer = 1});
    const std::vector<int64_t> frames = indices_of(draws_of(order, 0, 57), 0);
    EXPECT_EQ(sorted(frames), counting(57));
    std::vector<int64_t> episodes;
    for (size_t at = 0; at < frames.size();) {
      const auto found = std::find(begins.begin(), begins.end(), frames[at]);
      ASSERT_NE(found, begins.end()) << "an episode begins with its first frame";
      const auto episode = static_cast<size_t>(found - begins.begin());
      for (int64_t frame = begins[episode]; frame < ends[episode]; ++frame) EXPECT_EQ(frames[at++], frame);
      episodes.push_back(static_cast<int64_t>(episode));
    }
    orders.insert(episodes);
  }
  EXPECT_GT(orders.size(), 12U) << "of 24 orders of four episodes";
}

TEST(DrawOrder, EachSourceComesAsOftenAsItsShareSays) {
  constexpr double kCriticalAt99_9 = 13.82;  // 2 degrees of freedom: the items are one source
  for (uint64_t seed = 0; seed < 8; ++seed) {
    std::vector<int64_t> counts(3);
    for (const auto& [entry, index] : draws_of(mixed_order(seed), 0, 20'000)) {
      ++counts[entry == 0 ? 0 : (entry == 2 ? 1 : 2)];
    }
    EXPECT_LT(chi_square(counts, {0.6 * 0.7, 0.6 * 0.3, 0.4}), kCriticalAt99_9) << seed;
  }
}

TEST(DrawOrder, SharesOfAMixtureAreThoseOfItsWeights) {
  constexpr double kCriticalAt99_9 = 16.27;  // 3 degrees of freedom
  const std::vector<StreamSource> sources = {{"a", 1, 1000}, {"b", 2, 300}, {"c", 0.5, 400}, {"d", 1, 50}};
  const StreamWeights weights = stream_weights(sources);
  std::vector<DrawnEntry> entries;
  for (size_t i = 0; i < sources.size(); ++i) {
    entries.push_back({.size = sources[i].transitions, .stream = true, .probability = weights.probability[i]});
  }
  const DrawOrder order(entries, {.seed = 11, .stream_probability = 1});
  std::vector<int64_t> counts(sources.size());
  for (const auto& [entry, index] : draws_of(order, 0, 20'000)) ++counts[entry];
  const double all = 1000 + 600 + 200 + 50;
  EXPECT_LT(chi_square(counts, {1000 / all, 600 / all, 200 / all, 50 / all}), kCriticalAt99_9);
}

TEST(DrawOrder, InAMixtureEachSourceGoesThroughItsOwnEpochs) {
  constexpr int64_t kRows = 10'000;  // more than two of the blocks that draws are counted in
  const std::vector<Draw> draws = draws_of(mixed_order(5), 0, kRows);
  for (const auto& [entry, size] : {std::pair<size_t, int64_t>{0, 57}, {2, 31}}) {
    const std::vector<int64_t> indices = indices_of(draws, entry);
    for (auto at = indices.begin(); indices.end() - at >= size; at += size) {
      ASSERT_EQ(sorted({at, at + size}), counting(size)) << "epoch from draw " << at - indices.begin();
    }
  }
  std::vector<int64_t> items;  // numbered over both lists
  for (const auto& [entry, index] : draws) {
    if (entry % 2 == 1) items.push_back(entry == 1 ? index : 13 + index);
  }
  for (auto at = items.begin(); items.end() - at >= 42; at += 42) ASSERT_EQ(sorted({at, at + 42}), counting(42));
}

TEST(DrawOrder, APlaceIsTheSameHoweverItIsComeTo) {
  constexpr int64_t kRows = 50'000;  // more blocks than are kept
  const std::vector<Draw> whole = draws_of(mixed_order(6), 0, kRows);
  const DrawOrder order = mixed_order(6);
  for (const int64_t row :
       {kRows - 1, int64_t{0}, int64_t{4096}, int64_t{4095}, int64_t{20'000}, int64_t{4096}, kRows - 2}) {
    EXPECT_EQ(draws_of(order, row, row + 1)[0], whole[static_cast<size_t>(row)]) << row;
  }
  const DrawOrder shared = mixed_order(6);
  std::vector<std::vector<Draw>> parts(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < parts.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto begin = static_cast<int64_t>(i) * kRows / 4;
      parts[i] = draws_of(shared, begin, begin + kRows / 4);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<Draw> together;
  for (const auto& part : parts) together.insert(together.end(), part.begin(), part.end());
  EXPECT_EQ(together, whole);
}

TEST(DrawOrder, WhatReplacesABadSampleIsOfTheSameSource) {
  const DrawOrder order = mixed_order(8);
  std::vector<int64_t> counts(42);
  for (int64_t row = 0; row < 200; ++row) {
    const size_t entry = order.at(row).entry;
    for (int64_t attempt = 1; attempt < 20; ++attempt) {
      const DrawnSample drawn = order.at(row, attempt);
      const DrawnSample again = mixed_order(8).at(row, attempt);
      EXPECT_TRUE(drawn.entry == again.entry && drawn.index == again.index);
      EXPECT_EQ(drawn.entry % 2, entry % 2);
      EXPECT_TRUE(entry % 2 == 1 || drawn.entry == entry);
      if (entry % 2 == 1) ++counts[static_cast<size_t>(drawn.entry == 1 ? drawn.index : 13 + drawn.index)];
    }
  }
  EXPECT_EQ(std::count(counts.begin(), counts.end(), 0), 0) << "any item may stand in";
}

TEST(DrawOrder, AnOrderOfGroupsIsTakenEpochByEpoch) {
  const DrawOrder order(
      {{.size = 3}, {.size = 2}},
      {.seed = 1, .epoch_order = [](int64_t epoch) {
         return epoch % 2 == 0 ? std::vector<int64_t>{4, 3, 2, 1, 0} : std::vector<int64_t>{0, 1, 2, 3, 4};
       }});
  const std::vector<Draw> down = {{1, 1}, {1, 0}, {0, 2}, {0, 1}, {0, 0}};
  const std::vector<Draw> up(down.rbegin(), down.rend());
  EXPECT_EQ(draws_of(order, 0, 5), down);
  EXPECT_EQ(draws_of(order, 5, 10), up);
  EXPECT_EQ(draws_of(order, 40, 45), down);
}

}  // namespace
}  // namespace magma
