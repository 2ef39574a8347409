#include "magma/data/length_groups.h"

#include <algorithm>
#include <numeric>

#include "magma/core/error.h"
#include "magma/core/random.h"

namespace magma {
namespace {

std::vector<int64_t> grouped(const std::vector<int64_t>& lengths, std::vector<int64_t> numbers, int64_t batch,
                             Rng& rng) {
  rng.shuffle(numbers);
  for (auto begin = numbers.begin(); begin != numbers.end();) {
    const auto end = begin + std::min<int64_t>(batch, numbers.end() - begin);
    std::stable_sort(begin, end, [&](int64_t a, int64_t b) {
      return lengths[static_cast<size_t>(a)] > lengths[static_cast<size_t>(b)];
    });
    begin = end;
  }
  return numbers;
}

std::vector<int64_t> numbers_where(const std::vector<int64_t>& lengths, bool positive) {
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < lengths.size(); ++i) {
    if ((lengths[i] > 0) == positive) numbers.push_back(static_cast<int64_t>(i));
  }
  return numbers;
}

using Runs = std::vector<std::vector<int64_t>>;

// Cuts into runs; the last one, full or not, goes to `rest`.
void add_runs(const std::vector<int64_t>& numbers, int64_t batch, Runs& runs, std::vector<int64_t>& rest) {
  for (auto begin = numbers.begin(); begin != numbers.end();) {
    const auto end = begin + std::min<int64_t>(batch, numbers.end() - begin);
    if (end == numbers.end()) {
      rest.insert(rest.end(), begin, end);
    } else {
      runs.emplace_back(begin, end);
    }
    begin = end;
  }
}

}  // namespace

std::vector<int64_t> length_grouped(const std::vector<int64_t>& lengths, int64_t batch, uint64_t seed) {
  std::vector<int64_t> numbers(lengths.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  Rng rng(seed);
  return grouped(lengths, std::move(numbers), batch, rng);
}

std::vector<int64_t> modality_grouped(const std::vector<int64_t>& lengths, int64_t batch, uint64_t seed) {
  if (const auto zero = std::find(lengths.begin(), lengths.end(), 0); zero != lengths.end()) {
    throw Error(ErrorCode::Usage, {.where = "data.group_by",
                                   .what = "a sample without words cannot be grouped by modality",
                                   .got = "sample " + std::to_string(zero - lengths.begin())});
  }
  const std::vector<int64_t> with = numbers_where(lengths, true), without = numbers_where(lengths, false);
  if (with.empty() || without.empty()) return length_grouped(lengths, batch, seed);
  std::vector<int64_t> sizes(lengths.size());
  for (size_t i = 0; i < lengths.size(); ++i) sizes[i] = std::abs(lengths[i]);
  Rng rng(seed);
  Runs runs;
  std::vector<int64_t> rest;
  add_runs(grouped(sizes, with, batch, rng), batch, runs, rest);
  add_runs(grouped(sizes, without, batch, rng), batch, runs, rest);
  rng.shuffle(runs);
  std::sort(rest.begin(), rest.end());
  runs.push_back(std::move(rest));
  std::vector<int64_t> order;
  for (const std::vector<int64_t>& run : runs) order.insert(order.end(), run.begin(), run.end());
  return order;
}

}  // namespace magma
