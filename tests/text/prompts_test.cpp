#include "magma/text/prompts.h"

#include <gmock/gmock.h>

#include "magma/core/random.h"

namespace magma {
namespace {

TEST(Prompts, SemanticPairPutsOnePlaceholderPerImage) {
  EXPECT_EQ(semantic_question(TaskFamily::Person, 1), "<image>\n\nWhat is the person doing in the image?\n");
  EXPECT_EQ(semantic_question(TaskFamily::Person, 3),
            "<image>\n<image>\n<image>\n\nWhat is the person doing in the image?\n");
  EXPECT_EQ(semantic_question(TaskFamily::Saying, 1),
            "<image>\n\nThe person is doing some task in the image. Guess what is the person saying?\n");
  EXPECT_EQ(semantic_question(TaskFamily::Robot, 1), "<image>\n\nWhat is the robot doing in the image?\n");
  EXPECT_EQ(semantic_answer("opens a door"), "opens a door\n");
}

TEST(Prompts, SomPairIsByteExact) {
  EXPECT_EQ(som_question(256),
            "<image>\n\nThe image is split into 256x256 grids, and labeled with numeric marks.\n"
            "Please locate all the numerical marks in the image.\n");
  EXPECT_EQ(som_answer({{2, {5, 6}}, {1, {3, 4}}}), "Mark 1 at [3,4]. Mark 2 at [5,6]\n");
}

TEST(Prompts, TraceQuestionIsByteExactForEveryFamily) {
  TraceQuestion question{TaskFamily::Person, 256, {1, 2, 3}, "opens a door", 7, {}};
  EXPECT_EQ(trace_question(question),
            "<image>\n\nThe image is split into 256x256 grids, and labeled with numeric marks [1, 2, 3].\n"
            "The person is doing: opens a door. To finish the task, how to move the numerical marks in the image"
            " for the next 7 steps?\n");
  question.speed = 4;
  EXPECT_THAT(trace_question(question), testing::HasSubstr("in the image with speed 4 for the next 7 steps?\n"));
  question.family = TaskFamily::Saying;
  EXPECT_THAT(trace_question(question),
              testing::HasSubstr(" marks [1, 2, 3].\nThe person is saying: opens a door. To"));
  question.family = TaskFamily::Robot;
  EXPECT_THAT(trace_question(question), testing::HasSubstr(" marks: [1, 2, 3].\nThe robot is doing: opens a door. To"));
}

TEST(Prompts, TraceAnswerIsByteExact) {
  EXPECT_EQ(trace_answer({{4, {{1, 2}, {3, 4}, {5, 6}}}, {9, {{0, 0}, {0, 1}}}}),
            "Mark 4 at [1,2], Mark 9 at [0,0] should be moved, and their future positions are:\n\n"
            "\"Mark 4\": \"[[3,4],[5,6]]\"\n\n\"Mark 9\": \"[[0,1]]\"\n\n");
}

TEST(Prompts, AnswersComeBackFromTheirText) {
  Rng rng(7);
  for (int round = 0; round < 50; ++round) {
    std::map<int, Cell> marks;
    std::map<int, std::vector<Cell>> traces;
    for (int64_t n = rng.integer(1, 12); n > 0; --n) {
      const int id = static_cast<int>(rng.integer(1, 99));
      const auto coordinate = [&] { return static_cast<int>(rng.integer(0, 255)); };
      marks[id] = {coordinate(), coordinate()};
      traces[id].clear();
      for (int64_t k = rng.integer(2, 17); k > 0; --k) traces[id].push_back({coordinate(), coordinate()});
    }
    EXPECT_EQ(parse_som_answer(som_answer(marks)), marks);
    EXPECT_EQ(parse_trace_answer(trace_answer(traces)), traces);
  }
}

TEST(Prompts, ParsersTakeAnswersWithoutTheFinalNewlineThatChatTemplatesTrim) {
  EXPECT_TRUE(parse_som_answer("Mark 1 at [3,4]"));
  EXPECT_TRUE(
      parse_trace_answer("Mark 1 at [3,4] should be moved, and their future positions are:\n\n"
                         "\"Mark 1\": \"[[3,5]]\""));
}

TEST(Prompts, ParsersRefuseEveryOtherForm) {
  for (const char* text : {"", "\n", "Mark 1", "Mark 1 at [3, 4]", "Mark 1 at [3,4],", "Mark 1 at [3,4]. ,",
                           "Mark 1 at [3,4]. Mark 1 at [5,6]", "Mark x at [3,4]", "Mark 1 at [03,4]",
                           "Mark 1 at [3,99999999999]", "Mark 1 at [3,4]. Mark", "mark 1 at [3,4]"}) {
    EXPECT_FALSE(parse_som_answer(text)) << text;
  }
  const std::string head = "Mark 1 at [3,4], Mark 2 at [5,6] should be moved, and their future positions are:\n\n";
  for (const char* rest :
       {"", "\"Mark 1\": \"[[1,2]]\"", "\"Mark 1\": \"[[1,2]]\"\n\n\"Mark 3\": \"[[1,2]]\"",
        "\"Mark 1\": \"[[1,2]]\"\n\n\"Mark 1\": \"[[1,2]]\"", "\"Mark 1\": \"[]\"\n\n\"Mark 2\": \"[[1,2]]\"",
        "\"Mark 1\": \"[[1,2]]\"\n\n\"Mark 2\": \"[[1,2]]\"\n\nand more"}) {
    EXPECT_FALSE(parse_trace_answer(head + rest)) << rest;
  }
}

TEST(Prompts, EveryCutOfAnAnswerIsRefusedOrShorter) {
  const std::string answer = trace_answer({{1, {{1, 2}, {3, 4}}}, {2, {{5, 6}, {7, 8}}}});
  for (size_t length = 0; length + 2 < answer.size(); ++length) {
    EXPECT_FALSE(parse_trace_answer(answer.substr(0, length))) << length;
  }
}

TEST(Prompts, CleanUpReplacesInTheOrderOfTheReference) {
  EXPECT_EQ(clean_response("What you see: a pan", ""), "What I see: a pan");
  EXPECT_EQ(clean_response("In the first image, you see a pan (on the left) here", ""), "a pan here");
  EXPECT_EQ(clean_response("You see your hand", ""), "the person's hand");
  EXPECT_EQ(clean_response("the camera wearer cuts bread", ""), "the person cuts bread");
  EXPECT_EQ(clean_response("you (a) cook (b", "task"), "the person cook (b");
  EXPECT_EQ(clean_response("", "camera wearer rests"), "person rests");
  EXPECT_EQ(clean_response(" (only this)", "rests"), "rests");
}

TEST(Prompts, NarrationsOfEpicAreSplitIntoSceneAndTask) {
  const auto parts = split_response("## What I see: **a pan**\n\n## What the person should do next:\n *lift*: it # ");
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->scene, "a pan");
  EXPECT_EQ(parts->todo, "lift it");
  EXPECT_EQ(split_response("a What the person should do next b What the person should do next c")->todo, "b");
  EXPECT_FALSE(split_response("a pan").has_value());
}

TEST(Prompts, QuestionsOfTheOtherFamilies) {
  EXPECT_EQ(scene_question(1), "<image>\n\nWhat do you see in the image?\n");
  EXPECT_EQ(caption_question(2),
            "<image>\n<image>\n\nWhat do you see in the first image? And what will the person do next?\n");
  EXPECT_EQ(action_question("pick up"), "What action should the robot take to pick up?");
  EXPECT_EQ(click_question("save"),
            "<image>\nIn this view I need to click a button to \"save\"? Provide the coordinates and the mark index of "
            "the containing bounding box if applicable.");
  EXPECT_EQ(brief_question("What is this?"), "<image>\nWhat is this? Answer the question briefly.");
  EXPECT_EQ(click_answer({0.5, 1.0 / 3}, 12), "Coordinates: (0.50,0.33). Mark: 12");
  const std::string answer = trace_answer({{1, {{1, 2}, {3, 4}}}});
  EXPECT_EQ(answer.substr(future_offset(answer)), "\"Mark 1\": \"[[3,4]]\"\n\n");
}

}  // namespace
}  // namespace magma
