#include "magma/model/answer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/random.h"
#include "magma/model/trace_reader.h"
#include "magma/text/prompts.h"

namespace magma {
namespace {

const AnswerContext kScreen{
    .frames = {.original = {1920, 1080}, .model_input = {1024, 1024}}, .bins = ActionBins(672), .stop_ids = {681}};

Json json_of(AnswerKind kind, const std::string& text, const AnswerContext& context = kScreen) {
  return answer_json(parse_answer(kind, {text, {}}, context), context);
}

std::string why_not(AnswerKind kind, const std::string& text) {
  return parse_answer(kind, {text, {}}, kScreen).why_not;
}

TEST(Answer, KindsHaveNames) {
  for (const char* name : {"text", "mark", "point", "trace", "action"}) {
    EXPECT_EQ(answer_kind_name(answer_kind(name)), name);
  }
  EXPECT_THROW(answer_kind("marks"), Error);
}

TEST(Answer, TextIsWhatWasSaid) {
  EXPECT_EQ(json_of(AnswerKind::Text, "A cat."), (Json{{"kind", "text"}, {"found", true}, {"text", "A cat."}}));
  EXPECT_EQ(why_not(AnswerKind::Text, " \n"), "the answer is empty");
  EXPECT_EQ(parse_answer(AnswerKind::Text, {"x", {5, 500}}, kScreen).why_not, "the answer holds action tokens");
  EXPECT_TRUE(parse_answer(AnswerKind::Text, {"x", {5, 415, 672}}, kScreen).found());
}

TEST(Answer, MarksComeWithTheirPlaces) {
  EXPECT_EQ(json_of(AnswerKind::Mark, "Mark: 7")["marks"], (Json{{{"mark", 7}}}));
  const Json located = json_of(AnswerKind::Mark, "Mark 1 at [128,64]. Mark 2 at [0,255]\n");
  EXPECT_EQ(located["marks"].size(), 2U);
  EXPECT_EQ(located["marks"][0]["at"],
            (Json{{"frame", "grid256"}, {"x", 128.0}, {"y", 64.0}, {"original_px", {960.0, 270.0}}}));
  const Json pointed = json_of(AnswerKind::Mark, "(0.5,0.5) Mark: 3");
  EXPECT_EQ(pointed["marks"][0]["at"]["frame"], "relative");
  EXPECT_EQ(why_not(AnswerKind::Mark, "(0.5,0.5)"), "a point, but no mark");
  EXPECT_EQ(why_not(AnswerKind::Mark, "Mark 1 at [128,256]"), "a mark lies beyond the grid");
  EXPECT_EQ(why_not(AnswerKind::Mark, "I see none."), "no number");
}

TEST(Answer, PointsNameTheirFrame) {
  const Json point = json_of(AnswerKind::Point, "(0.25,0.75)");
  EXPECT_EQ(point["point"], (Json{{"frame", "relative"}, {"x", 0.25}, {"y", 0.75}, {"original_px", {480.0, 810.0}}}));
  EXPECT_FALSE(json_of(AnswerKind::Point, "(0.25,0.75)", {})["point"].contains("original_px"));
  EXPECT_EQ(json_of(AnswerKind::Point, "[0.1,0.1,0.3,0.3]")["box"].size(), 2U);
  EXPECT_EQ(json_of(AnswerKind::Point, "Mark 4 at [10,20]")["point"]["frame"], "grid256");
  EXPECT_EQ(why_not(AnswerKind::Point, "Mark: 4"), "a mark, but no point");
  EXPECT_EQ(why_not(AnswerKind::Point, "Mark 1 at [1,2]. Mark 2 at [3,4]"), "several marks");
}

TEST(Answer, TracesThatAreWrittenAreRead) {
  Rng rng(8);
  for (int k = 0; k < 500; ++k) {
    std::map<int, std::vector<Cell>> traces;
    const auto place = [&] {
      return Cell{static_cast<int>(rng.integer(0, 255)), static_cast<int>(rng.integer(0, 255))};
    };
    for (int64_t marks = rng.integer(1, 6); marks > 0; --marks) {
      auto& cells = traces[static_cast<int>(rng.integer(1, 40))];
      for (int64_t steps = rng.integer(2, 12); steps > 0; --steps) cells.push_back(place());
    }
    const auto read = read_traces(trace_answer(traces));
    ASSERT_TRUE(read) << trace_answer(traces);
    ASSERT_EQ(read->size(), traces.size());
    for (const AnsweredTrace& trace : *read) {
      const auto& cells = traces.at(static_cast<int>(trace.mark));
      ASSERT_EQ(trace.future.size(), cells.size() - 1);
      ASSERT_TRUE(trace.start);
      EXPECT_EQ(trace.start->x, cells[0][0]);
      EXPECT_EQ(trace.future.back().y, cells.back()[1]);
    }
  }
}

TEST(Answer, TracesOfAnotherFormAreNone) {
  const std::string clause = "Mark 1 at [1,2] should be moved, and their future positions are:\n\n";
  EXPECT_TRUE(parse_answer(AnswerKind::Trace, {clause + "\"Mark 1\": \"[[3, 4], [300,-5]]\"", {}}, kScreen).found());
  EXPECT_TRUE(read_traces("and their future positions are:\n\"Mark 9\": \"[[3,4]]\""));
  for (const char* wrong : {"", "\"Mark 1\": \"[]\"", "\"Mark 1\": \"[[3,4],[5", "\"Mark 1\": \"[[3,4]]\" and more",
                            "\"Mark 1\": \"[[3,4]]\"\n\n\"Mark 1\": \"[[3,4]]\"", "\"Mark -1\": \"[[3,4]]\"",
                            "\"Mark 1\": \"[[3,99999999]]\"", "Mark 1: [[3,4]]"}) {
    EXPECT_EQ(why_not(AnswerKind::Trace, clause + wrong), "the answer lists no future positions of marks") << wrong;
  }
  const Json traces = json_of(AnswerKind::Trace, clause + "\"Mark 1\": \"[[128,128]]\"\n\n");
  EXPECT_EQ(traces["traces"][0]["future"][0]["original_px"], (Json{960.0, 540.0}));
  EXPECT_EQ(traces["traces"][0]["start"]["x"], 1.0);
}

TEST(Answer, ActionsAreSevenTokens) {
  AnswerContext context = kScreen;
  context.statistics = ActionStatisticsTable::published().at("bridge_orig");
  context.statistics_key = "bridge_orig";
  const std::vector<int64_t> ids = {666, 541, 450, 449, 651, 541, 634};
  const Json action = answer_json(parse_answer(AnswerKind::Action, {"", ids}, context), context);
  EXPECT_EQ(action["token_ids"], Json(ids));
  EXPECT_DOUBLE_EQ(action["normalized_actions"][0].get<double>(), -0.9568627450980391);
  EXPECT_DOUBLE_EQ(action["actions"][0].get<double>(), -0.02749704475262586);
  EXPECT_DOUBLE_EQ(action["actions"][6].get<double>(), -0.7058823529411764);
  EXPECT_EQ(action["unnorm_key"], "bridge_orig");
  EXPECT_FALSE(answer_json(parse_answer(AnswerKind::Action, {"", ids}, kScreen), kScreen).contains("actions"));
  std::vector<int64_t> stopped = ids;
  stopped.push_back(681);
  EXPECT_TRUE(parse_answer(AnswerKind::Action, {"", stopped}, context).found());
  for (const std::vector<int64_t>& wrong : std::vector<std::vector<int64_t>>{{},
                                                                             {666, 541, 450, 449, 651, 541},
                                                                             {666, 541, 450, 449, 651, 541, 634, 634},
                                                                             {666, 541, 450, 3, 651, 541, 634}}) {
    EXPECT_FALSE(parse_answer(AnswerKind::Action, {"", wrong}, context).found());
  }
}

TEST(AnswerConstraint, ActionsAreSevenIdsOfTheRangeAndNothingElse) {
  const auto constraint = answer_constraint(AnswerKind::Action, ActionBins(672));
  for (int k = 0; k < 7; ++k) {
    EXPECT_FALSE(constraint->complete());
    EXPECT_TRUE(constraint->allows(416));
    EXPECT_TRUE(constraint->allows(671));
    EXPECT_FALSE(constraint->allows(415));
    EXPECT_FALSE(constraint->allows(681));
    constraint->accept(500);
  }
  EXPECT_TRUE(constraint->complete());
  EXPECT_FALSE(constraint->allows(500));
}

TEST(AnswerConstraint, OtherKindsHaveNoActions) {
  for (const AnswerKind kind : {AnswerKind::Text, AnswerKind::Mark, AnswerKind::Point, AnswerKind::Trace}) {
    const auto constraint = answer_constraint(kind, ActionBins(672));
    constraint->accept(5);
    EXPECT_FALSE(constraint->allows(416));
    EXPECT_TRUE(constraint->allows(681));
    EXPECT_FALSE(constraint->complete());
    EXPECT_EQ(answer_constraint(kind, std::nullopt), nullptr);
  }
  EXPECT_THROW(answer_constraint(AnswerKind::Action, std::nullopt), Error);
}

}  // namespace
}  // namespace magma
