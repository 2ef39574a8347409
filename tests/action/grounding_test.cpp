#include "magma/action/grounding.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace magma {
namespace {

std::string said(std::string_view text, NumberScale scale = NumberScale::Unknown) {
  const Grounding result = read_grounding(text, scale);
  std::string line;
  if (result.mark) line += fmt::format("mark {} ", *result.mark);
  if (result.point) {
    line += fmt::format("{} {:.4g},{:.4g} ", frame_name(result.point->frame), result.point->x, result.point->y);
  }
  if (result.box) line += "box ";
  if (!result.why_not.empty()) return line + "- " + result.why_not;
  return line.substr(0, line.size() - 1);
}

TEST(Grounding, MarksAndPointsInEveryWording) {
  EXPECT_EQ(said("(0.49,0.40)"), "relative 0.49,0.4");
  EXPECT_EQ(said("Click (0.49, 0.40) Mark: 12"), "mark 12 relative 0.49,0.4");
  EXPECT_EQ(said("Mark: 7"), "mark 7");
  EXPECT_EQ(said("mark #7."), "mark 7");
  EXPECT_EQ(said("I think MARK 3, that is mark: 3"), "mark 3");
  EXPECT_EQ(said("[0.1, 0.2, 0.3, 0.4]"), "relative 0.2,0.3 box");
  EXPECT_EQ(said("<box>(100,200),(300,400)</box>"), "relative 0.2,0.3 box");
  EXPECT_EQ(said("(49%, 40%)"), "relative 0.49,0.4");
  EXPECT_EQ(said("x is 0.5 and y is 0.25"), "relative 0.5,0.25");
  EXPECT_EQ(said("{\"action_type\": 4, \"click_point\": (0.3,0.6)}"), "relative 0.3,0.6");
  EXPECT_EQ(said("(1.003, 1)"), "relative 1,1");
}

TEST(Grounding, FullWidthFormsAreRead) {
  EXPECT_EQ(said("\xEF\xBC\x88\xEF\xBC\x90\xEF\xBC\x8E\xEF\xBC\x95\xEF\xBC\x8C\xEF\xBC\x90.25\xEF\xBC\x89"),
            "relative 0.5,0.25");
}

TEST(Grounding, WholeNumbersMeanWhatTheScaleSays) {
  EXPECT_EQ(said("(490, 400)"), "- numbers of an unknown scale");
  EXPECT_EQ(said("(490, 400)", NumberScale::PerMille), "relative 0.49,0.4");
  EXPECT_EQ(said("(490, 1400)", NumberScale::PerMille), "- numbers of an unknown scale");
  EXPECT_EQ(said("(490, 1400)", NumberScale::Pixels), "original_px 490,1400");
}

TEST(Grounding, WhatIsNotClearIsNoAnswer) {
  EXPECT_EQ(said(""), "- no number");
  EXPECT_EQ(said("There is no such button."), "- no number");
  EXPECT_EQ(said("Mark: 1 or Mark: 2"), "- several marks");
  EXPECT_EQ(said("0.1 0.2 0.3"), "- neither a point nor a box");
  EXPECT_EQ(said("(-0.1, 0.2)"), "- numbers of an unknown scale");
  EXPECT_EQ(said("(1e300, 0.2)"), "- numbers of an unknown scale");
  EXPECT_EQ(said("(49%, 0.4)"), "- numbers of an unknown scale");
  EXPECT_EQ(said("Denmark 5, 6 and 7"), "- neither a point nor a box");
  EXPECT_EQ(said(std::string(5000, '1')), "- the answer is too long to point at something");
  EXPECT_EQ(said("Mark: 5 at (3000, 4000)"), "mark 5");
}

}  // namespace
}  // namespace magma
