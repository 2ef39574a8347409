// Keys and values in f32, bf16 and int8: what the format costs, and what it must not change.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "magma/model/magma.h"
#include "tests/model/fixture_set.h"

namespace magma {
namespace {

constexpr const char* kCheckpoint = "tiny-names";

// Of the largest logit: by how much a format may change one. The heads of the fixtures are small and their weights
// random: 0.05 was seen with int8.
struct FormatTolerance {
  CacheFormat format;
  double of_largest;
};
constexpr FormatTolerance kNarrow[] = {{CacheFormat::BF16, 0.02}, {CacheFormat::Int8, 0.08}};

std::unique_ptr<Network> network_with(CacheFormat cache, int threads = 2, const char* checkpoint = kCheckpoint) {
  return load_network(FixtureSet::weights(checkpoint), threads, Precision::F32, cache);
}

std::vector<float> values_of(const Tensor& tensor) { return {tensor.floats(), tensor.floats() + tensor.count()}; }

double largest(const std::vector<float>& values) {
  double most = 0;
  for (const float value : values) most = std::max(most, std::abs(static_cast<double>(value)));
  return most;
}

FixtureCase case_named(const std::string& name) {
  for (const FixtureCase& fixture : FixtureSet::cases(kCheckpoint)) {
    if (fixture.name == name) return fixture;
  }
  throw std::runtime_error("no case " + name);
}

std::vector<float> all_logits(Network& network, const FixtureCase& fixture) {
  return values_of(network.prefill(encoded_prompts(network, fixture), {.all_logits = true}).logits);
}

struct Steps {
  std::vector<Generated> answers;
  std::vector<Tensor> logits;  // [B, V] of each step
};

Steps greedy_steps(Network& network, const FixtureCase& fixture) {
  Steps steps;
  GenerateOptions options = greedy_options(fixture);
  options.on_logits = [&](const Tensor& logits) { steps.logits.push_back(logits); };
  steps.answers = generate(network, encoded_prompts(network, fixture), options);
  return steps;
}

TEST(CacheFormats, AreNearF32AndNotTheSame) {
  const FixtureCase fixture = case_named("batch_left");
  const std::vector<float> exact = all_logits(*network_with(CacheFormat::F32), fixture);
  for (const auto& [format, of_largest] : kNarrow) {
    const Difference off = difference(exact, all_logits(*network_with(format), fixture));
    EXPECT_LE(off.largest, of_largest * largest(exact)) << cache_format_name(format);
    EXPECT_GT(off.largest, 1e-6 * largest(exact)) << cache_format_name(format) << ": nothing was rounded";
  }
}

TEST(CacheFormats, AnyNumberOfThreadsGivesTheSameBits) {
  const FixtureCase fixture = case_named("batch_left");
  for (const auto& [format, unused] : kNarrow) {
    const Steps one = greedy_steps(*network_with(format, 1), fixture);
    for (const int threads : {2, 3, 7}) {
      const Steps many = greedy_steps(*network_with(format, threads), fixture);
      ASSERT_EQ(many.logits.size(), one.logits.size());
      for (size_t i = 0; i < one.logits.size(); ++i) EXPECT_EQ(values_of(many.logits[i]), values_of(one.logits[i]));
    }
  }
}

// Prefill reads the narrow cache too, so only the last bits of few and many rows differ, and what they round to.
TEST(CacheFormats, DecodingWithTheCacheIsPrefillOfTheWhole) {
  const FixtureCase fixture = case_named("batch_left");
  for (const auto& [format, of_largest] : kNarrow) {
    const auto network = network_with(format);
    const Steps steps = greedy_steps(*network, fixture);
    ASSERT_GE(steps.logits.size(), 16U);
    for (const size_t step : {size_t{1}, size_t{15}}) {
      std::vector<Prompt> longer = encoded_prompts(*network, fixture);
      for (size_t r = 0; r < longer.size(); ++r) {
        const Ids& ids = steps.answers[r].ids;
        longer[r].ids.insert(longer[r].ids.end(), ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(step));
      }
      const std::vector<float> whole = values_of(network->prefill(longer, {}).logits);
      EXPECT_LE(difference(whole, values_of(steps.logits[step])).largest, of_largest * largest(whole)) << step;
    }
  }
}

// Best logit of a row less the second best, of those that may be said.
double margin(const float* logits, int64_t count, const SamplingOptions& sampling) {
  double best = -INFINITY, second = -INFINITY;
  for (int64_t id = 0; id < count; ++id) {
    const auto in = [id](const std::optional<IdRange>& range) {
      return range && id >= range->first && id <= range->last;
    };
    if ((sampling.allowed && !in(sampling.allowed)) || in(sampling.banned)) continue;
    second = std::max(second, std::min<double>(best, logits[id]));
    best = std::max<double>(best, logits[id]);
  }
  return best - second;
}

TEST(CacheFormats, GreedyTokensAgreeWhereLogitsAreApart) {
  int64_t same = 0, cut_short = 0;
  for (const std::string& checkpoint : FixtureSet::checkpoints()) {
    const auto exact = network_with(CacheFormat::F32, 2, checkpoint.c_str());
    for (const auto& [format, of_largest] : kNarrow) {
      const auto narrow = network_with(format, 2, checkpoint.c_str());
      for (const FixtureCase& fixture : FixtureSet::cases(checkpoint)) {
        if (!fixture.facts.contains("greedy")) continue;
        const Steps expected = greedy_steps(*exact, fixture);
        const std::vector<Generated> got =
            generate(*narrow, encoded_prompts(*narrow, fixture), greedy_options(fixture));
        for (size_t r = 0; r < got.size(); ++r) {
          const Ids &a = expected.answers[r].ids, &b = got[r].ids;
          const auto [end, unused] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
          same += end - a.begin();
          if (end == a.end() && a.size() == b.size()) continue;
          ++cut_short;
          const Tensor& logits = expected.logits.at(static_cast<size_t>(end - a.begin()));
          const int64_t V = logits.dim(1);
          const float* row = logits.floats() + static_cast<int64_t>(r) * V;
          EXPECT_LE(margin(row, V, greedy_options(fixture).sampling), 2 * of_largest * largest({row, row + V}))
              << checkpoint << " " << fixture.name << " " << cache_format_name(format);
        }
      }
    }
  }
  EXPECT_GT(same, 200);
  EXPECT_LE(cut_short, 8);
}

}  // namespace
}  // namespace magma
