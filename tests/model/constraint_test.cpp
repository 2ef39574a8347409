// Constrained generation by a network with random weights: rows are independent and never say what they may not.
#include <gtest/gtest.h>

#include "magma/model/answer.h"
#include "magma/model/magma.h"
#include "tests/model/fixture_set.h"

namespace magma {
namespace {

TEST(ConstrainedGeneration, GivesTheActionOfTheReferenceAndEndsAfterSeven) {
  const auto network = load_network(FixtureSet::weights("tiny-names"), 2);
  int checked = 0;
  for (const FixtureCase& fixture : FixtureSet::cases("tiny-names")) {
    if (fixture.name != "action") continue;
    const std::vector<Prompt> prompts = encoded_prompts(*network, fixture);
    GenerateOptions options;
    options.max_new_tokens = 50;
    options.constraint = [](int64_t) { return answer_constraint(AnswerKind::Action, ActionBins(672)); };
    const Generated answer = generate(*network, prompts, options).at(0);
    EXPECT_TRUE(answer.stopped);
    const Json& expected = fixture.facts.at("action");
    EXPECT_EQ(answer.ids, expected.at("ids").get<Ids>());
    const AnswerContext context{.bins = ActionBins(672)};
    const Answer parsed = parse_answer(AnswerKind::Action, {"", answer.ids}, context);
    ASSERT_TRUE(parsed.found()) << parsed.why_not;
    for (size_t i = 0; i < kActionNumbers; ++i) {
      EXPECT_DOUBLE_EQ(parsed.action->normalised[i], expected.at("normalised").at(i).get<double>());
    }
    ++checked;
  }
  EXPECT_EQ(checked, 1);
}

TEST(ConstrainedGeneration, RowsOfABatchFollowTheirOwnConstraint) {
  const auto network = load_network(FixtureSet::weights("tiny-names"), 2);
  const std::vector<Prompt> prompts = {{{672, 672, 11, 12}, {}}, {{672, 672, 21}, {}}, {{672, 672, 31, 7}, {}}};
  const ActionBins bins(672);
  GenerateOptions options;
  options.max_new_tokens = 30;
  options.stop_ids = {681};
  options.sampling.temperature = 1;
  options.constraint = [&](int64_t row) {
    return answer_constraint(row == 1 ? AnswerKind::Action : AnswerKind::Text, bins);
  };
  int64_t words = 0;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    options.seed = seed;
    const std::vector<Generated> answers = generate(*network, prompts, options);
    ASSERT_EQ(answers.size(), 3U);
    EXPECT_EQ(answers[1].ids.size(), 7U);
    for (const int64_t id : answers[1].ids) EXPECT_TRUE(bins.contains(id));
    for (const size_t row : {size_t{0}, size_t{2}}) {
      for (const int64_t id : answers[row].ids) EXPECT_FALSE(bins.contains(id));
      words += static_cast<int64_t>(answers[row].ids.size());
    }
  }
  EXPECT_GT(words, 16);
}

}  // namespace
}  // namespace magma
