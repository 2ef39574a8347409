// Prompt lookup: guesses come from what was said before, and answers are those of greedy decoding, token by token.
#include "magma/model/prompt_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/core/file.h"
#include "magma/model/answer.h"
#include "magma/model/init_weights.h"
#include "magma/model/magma.h"
#include "tests/model/fixture_set.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

constexpr const char* kCheckpoint = "tiny-names";
constexpr CacheFormat kFormats[] = {CacheFormat::F32, CacheFormat::BF16, CacheFormat::Int8};

std::vector<float> values_of(const Tensor& tensor) { return {tensor.floats(), tensor.floats() + tensor.count()}; }

// A prompt that repeats itself, so that there is something to look up.
Ids repeated(const Ids& ids, int times) {
  Ids result;
  for (int i = 0; i < times; ++i) result.insert(result.end(), ids.begin(), ids.end());
  return result;
}

std::vector<Ids> ids_of(const std::vector<Generated>& answers) {
  std::vector<Ids> ids;
  for (const Generated& answer : answers) ids.push_back(answer.ids);
  return ids;
}

int64_t accepted(const std::vector<Generated>& answers) {
  int64_t total = 0;
  for (const Generated& answer : answers) total += answer.accepted;
  return total;
}

// Expects the answers without lookup. -> the accepted tokens
int64_t expect_greedy(Network& network, const std::vector<Prompt>& prompts, GenerateOptions options) {
  options.lookup = 0;
  const std::vector<Generated> expected = generate(network, prompts, options);
  EXPECT_EQ(accepted(expected), 0);
  int64_t total = 0;
  for (const int64_t lookup : {1, 3, 15, 1000}) {
    options.lookup = lookup;
    const std::vector<Generated> got = generate(network, prompts, options);
    EXPECT_EQ(ids_of(got), ids_of(expected)) << lookup;
    for (size_t r = 0; r < got.size(); ++r) {
      EXPECT_EQ(got[r].stopped, expected[r].stopped) << lookup;
      EXPECT_LE(got[r].accepted, got[r].drafted);
      EXPECT_LT(got[r].accepted, static_cast<int64_t>(got[r].ids.size()));
    }
    total += accepted(got);
  }
  return total;
}

TEST(PromptLookup, GuessesWhatFollowedTheLastIds) {
  EXPECT_EQ(looked_up({1, 2, 3, 4, 5, 1, 2}, 2), (Ids{3, 4}));
  EXPECT_EQ(looked_up({1, 2, 3, 4, 5, 1, 2}, 5), (Ids{3, 4, 5, 1, 2}));
  EXPECT_EQ(looked_up({1, 2, 3, 4, 5, 1, 2}, 8), (Ids{3, 4, 5, 1, 2, 3, 4, 5}));  // a loop goes on
  EXPECT_EQ(looked_up({7, 7}, 3), Ids{});                                         // one id alone says little
  EXPECT_EQ(looked_up({7, 7, 7}, 3), (Ids{7, 7, 7}));
  EXPECT_EQ(looked_up({1, 2, 9, 1, 2, 8, 1, 2}, 1), (Ids{8}));                 // the latest place
  EXPECT_EQ(looked_up({6, 5, 1, 2, 9, 7, 1, 2, 8, 6, 5, 1, 2}, 1), (Ids{9}));  // the longest match
  EXPECT_EQ(looked_up({1, 2, 3, 4}, 3), Ids{});
  EXPECT_EQ(looked_up({1, 2, 3, 1, 2}, 0), Ids{});
  EXPECT_EQ(looked_up({}, 3), Ids{});
}

// What everything rests on: several tokens in a pass give the bits that they give one by one, and a rejected one
// leaves nothing behind.
TEST(PromptLookup, ExtendGivesTheBitsOfDecode) {
  for (const char* checkpoint : {"tiny-names", "tiny-bf16", "tiny-gqa-ropescaled"}) {
    for (const CacheFormat format : kFormats) {
      const auto network = load_network(FixtureSet::weights(checkpoint), 2, Precision::Stored, format);
      const std::vector<Prompt> prompts = {{{11, 12, 13, 14, 15}, {}}, {repeated({3, 9}, 40), {}}};
      Prefilled one = network->prefill(prompts, {}), several = network->prefill(prompts, {});
      const std::vector<Ids> said = {{5, 6, 7, 8, 9, 10, 11}, {21, 22, 23, 24, 25, 26, 27}};
      std::vector<std::vector<float>> expected(2);
      for (size_t i = 0; i < said[0].size(); ++i) {
        const std::vector<float> logits = values_of(network->decode(*one.sequences, {said[0][i], said[1][i]}));
        const auto middle = logits.begin() + network->vocabulary();
        expected[0].insert(expected[0].end(), logits.begin(), middle);
        expected[1].insert(expected[1].end(), middle, logits.end());
      }
      network->extend(*several.sequences, {{5, 1, 2, 3}, {}});
      several.sequences->truncate(0, 6);
      const auto part = [&](size_t row, size_t begin, size_t end) {
        return Ids(said[row].begin() + static_cast<long>(begin), said[row].begin() + static_cast<long>(end));
      };
      std::vector<std::vector<float>> got(2);
      got[0].assign(expected[0].begin(), expected[0].begin() + network->vocabulary());  // of id 5
      for (const auto& [begin, end] : {std::pair<size_t, size_t>{0, 1}, {1, 4}, {4, 7}}) {
        const Ids first = begin == 0 ? Ids{} : part(0, begin, end);
        const std::vector<float> logits = values_of(network->extend(*several.sequences, {first, part(1, begin, end)}));
        const auto middle = logits.begin() + static_cast<long>(first.size()) * network->vocabulary();
        got[0].insert(got[0].end(), logits.begin(), middle);
        got[1].insert(got[1].end(), middle, logits.end());
      }
      EXPECT_EQ(got, expected) << checkpoint << " " << cache_format_name(format);
    }
  }
}

TEST(PromptLookup, AnswersOfTheFixturesAreTheGreedyOnes) {
  int64_t total = 0;
  for (const std::string& checkpoint : FixtureSet::checkpoints()) {
    for (const Precision precision : {Precision::F32, Precision::Stored}) {
      const auto network = load_network(FixtureSet::weights(checkpoint), 2, precision);
      for (const FixtureCase& fixture : FixtureSet::cases(checkpoint)) {
        if (!fixture.facts.contains("greedy")) continue;
        SCOPED_TRACE(checkpoint + " " + fixture.name);
        total += expect_greedy(*network, encoded_prompts(*network, fixture), greedy_options(fixture));
      }
    }
  }
  EXPECT_GT(total, 0);
}

class RepeatedPrompts : public testing::Test {
 protected:
  std::unique_ptr<Network> network = load_network(FixtureSet::weights(kCheckpoint), 2);
  std::vector<Prompt> prompts = {{repeated({11, 12, 13, 14}, 6), {}}, {repeated({21, 22, 23}, 9), {}}, {{31, 32}, {}}};
  GenerateOptions options{.max_new_tokens = 60};
};

TEST_F(RepeatedPrompts, InEveryFormatOfTheCacheAndAnyBatch) {
  for (const CacheFormat format : kFormats) {
    network = load_network(FixtureSet::weights(kCheckpoint), 2, Precision::Stored, format);
    EXPECT_GT(expect_greedy(*network, prompts, options), 20);
    EXPECT_GT(expect_greedy(*network, {prompts[0]}, options), 5);
  }
  std::vector<Prompt> many;
  for (int64_t r = 0; r < 17; ++r) many.push_back({repeated({40 + r, 60 + r}, 4), {}});
  options.max_new_tokens = 30;
  EXPECT_EQ(expect_greedy(*network, many, options), 0) << "beyond the few rows";
  many.pop_back();
  many.pop_back();
  expect_greedy(*network, many, options);
  many.resize(7);
  EXPECT_GT(expect_greedy(*network, many, options), 0);
}

TEST_F(RepeatedPrompts, WhereverTheAnswerIsFull) {
  for (int64_t most = 1; most <= 40; ++most) {
    options.max_new_tokens = most;
    expect_greedy(*network, prompts, options);
  }
}

TEST_F(RepeatedPrompts, WhereverItStops) {
  const std::vector<Generated> answers = generate(*network, prompts, options);
  for (const Generated& answer : answers) {
    for (const int64_t id : answer.ids) {
      options.stop_ids = {id, 1};
      expect_greedy(*network, prompts, options);
    }
  }
}

TEST_F(RepeatedPrompts, WithWhatAnAnswerMaySay) {
  const ActionBins bins(672);
  for (const AnswerKind kind : {AnswerKind::Action, AnswerKind::Text}) {
    options.constraint = [kind, &bins](int64_t row) {
      return answer_constraint(row == 1 ? AnswerKind::Action : kind, bins);
    };
    EXPECT_GT(expect_greedy(*network, prompts, options), kind == AnswerKind::Text ? 20 : -1);
  }
  // A prompt of actions that are said again.
  const Ids action = generate(*network, {prompts[1], prompts[1]}, options).at(1).ids;
  ASSERT_EQ(action.size(), 7U);
  options.constraint = [&](int64_t) { return answer_constraint(AnswerKind::Action, bins); };
  expect_greedy(*network, {{repeated(action, 5), {}}}, options);
  options.constraint = {};
  options.sampling.banned = IdRange{0, 300};
  expect_greedy(*network, prompts, options);
  options.sampling.banned = {};
  options.sampling.repetition_penalty = 1.3;
  expect_greedy(*network, prompts, options);
}

TEST_F(RepeatedPrompts, TokensAreToldInOrderAndMayEndTheAnswer) {
  for (size_t wanted = 1; wanted <= 25; ++wanted) {
    std::vector<Ids> told;
    for (const int64_t lookup : {0, 15}) {
      options.lookup = lookup;
      told.emplace_back();
      options.on_token = [&](int64_t, int64_t id) {
        told.back().push_back(id);
        return told.back().size() < wanted;
      };
      EXPECT_EQ(generate(*network, {prompts[0]}, options).front().ids, told.back());
    }
    EXPECT_EQ(told[0], told[1]);
    EXPECT_EQ(told[0].size(), wanted);
  }
}

TEST_F(RepeatedPrompts, NeedGreedyDecoding) {
  options.lookup = 4;
  options.sampling.temperature = 0.5;
  try {
    generate(*network, prompts, options);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Usage);
    EXPECT_THAT(error.line(), testing::HasSubstr("temperature 0"));
  }
  options.sampling.temperature = 0;
  options.lookup = -1;
  EXPECT_THROW(generate(*network, prompts, options), Error);
}

// The tokens that are told before the context is full, and the error.
std::pair<Ids, std::string> until_full(Network& network, const Ids& prompt, int64_t lookup) {
  std::pair<Ids, std::string> result;
  GenerateOptions options{.max_new_tokens = 1000, .lookup = lookup};
  options.on_token = [&](int64_t, int64_t id) {
    result.first.push_back(id);
    return true;
  };
  try {
    generate(network, {{prompt, {}}}, options);
  } catch (const Error& error) {
    result.second = error.line();
  }
  return result;
}

TEST(PromptLookup, TheContextEndsAtTheSameToken) {
  const auto network = load_network(Path(MAGMA_SOURCE_DIR) / "tests/nn/gguf/llama.gguf", 2);
  const auto expected = until_full(*network, repeated({1, 5, 2}, 20), 0);
  EXPECT_EQ(expected.first.size(), 128U - 60 + 1);
  EXPECT_THAT(expected.second, testing::HasSubstr("longer than the model's context"));
  for (const int64_t lookup : {1, 4, 15}) EXPECT_EQ(until_full(*network, repeated({1, 5, 2}, 20), lookup), expected);
}

// Phi-3's frequencies change where the sequence grows beyond the length it was trained for.
TEST(PromptLookup, NothingIsGuessedWhereTheFrequenciesChange) {
  const TemporaryFolder folder;
  Json config = {{"model_type", "phi3"},
                 {"hidden_size", 32},
                 {"intermediate_size", 48},
                 {"num_hidden_layers", 2},
                 {"num_attention_heads", 4},
                 {"num_key_value_heads", 2},
                 {"vocab_size", 40},
                 {"rope_theta", 10000.0},
                 {"max_position_embeddings", 128},
                 {"rms_norm_eps", 1e-5},
                 {"original_max_position_embeddings", 64},
                 {"initializer_range", 0.3}};
  config["rope_scaling"] = {{"type", "longrope"}, {"short_factor", {1, 1, 1, 1}}, {"long_factor", {2, 4, 8, 16}}};
  write_file_atomically(folder.path() / "config.json", config.dump());
  write_random_model(folder.path() / "config.json", folder.path() / "model", {});
  const auto network = load_network(folder.path() / "model", 1);
  const Ids shorter = repeated({1, 5, 2}, 10), longer = repeated({1, 5, 2}, 25);
  GenerateOptions options{.max_new_tokens = 34};
  EXPECT_GT(expect_greedy(*network, {{shorter, {}}}, options), 0);
  EXPECT_GT(expect_greedy(*network, {{longer, {}}}, options), 0);
  EXPECT_EQ(expect_greedy(*network, {{shorter, {}}, {longer, {}}}, options), 0);
  options.max_new_tokens = 80;
  EXPECT_EQ(expect_greedy(*network, {{shorter, {}}}, options), 0);
}

}  // namespace
}  // namespace magma
