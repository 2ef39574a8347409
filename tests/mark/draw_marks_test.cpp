#include "magma/mark/draw_marks.h"

#include <gtest/gtest.h>

#include "magma/image/draw.h"

namespace magma {
namespace {

Mark mark_at(int id, bool moving, Point position) {
  Mark mark;
  mark.id = id;
  mark.moving = moving;
  mark.position = position;
  return mark;
}

TEST(DrawMarks, FontSizesAreThoseOfTheReferenceRule) {
  // Pillow 12 with LiberationSans-Regular, the smallest size whose "55" reaches 0.03 W.
  EXPECT_EQ(mark_style({256, 256}).font_size, 8);
  EXPECT_EQ(mark_style({512, 512}).font_size, 17);
  EXPECT_EQ(mark_style({640, 512}).font_size, 21);
  EXPECT_EQ(mark_style({910, 720}).font_size, 30);
  EXPECT_EQ(mark_style({1280, 1024}).font_size, 42);
  EXPECT_EQ(mark_style({1600, 1280}).font_size, 51);
}

TEST(DrawMarks, RadiusGrowsWithTheNumbersWidth) {
  const MarkStyle style = mark_style({640, 512});
  EXPECT_EQ(style.radius_px("7"), 11);
  EXPECT_EQ(style.radius_px("12"), 12);
  EXPECT_EQ(mark_radius_px({640, 512}), 12.0F);
}

TEST(DrawMarks, WideAndPortraitFramesAreRuledByTheShorterMeasure) {
  EXPECT_EQ(mark_style({360, 640}).font_size, mark_style({360, 360}).font_size);
  EXPECT_EQ(mark_style({2000, 385}).font_size, mark_style({512, 512}).font_size);
}

TEST(DrawMarks, AreRedDiscsWithACentredWhiteNumber) {
  Image image({640, 480}, {10, 20, 30});
  draw_marks(image, {mark_at(8, false, {100, 100})});
  EXPECT_EQ(image.at(91, 100), (Rgb{255, 0, 0}));
  EXPECT_EQ(image.at(100, 109), (Rgb{255, 0, 0}));
  EXPECT_EQ(image.at(100, 113), (Rgb{10, 20, 30}));
  double total = 0, x_sum = 0, y_sum = 0;  // of what is white: only the digit has green
  for (int y = 88; y <= 112; ++y) {
    for (int x = 88; x <= 112; ++x) {
      const double white = image.at(x, y).r == 255 ? image.at(x, y).g : 0;
      total += white;
      x_sum += white * x;
      y_sum += white * y;
    }
  }
  EXPECT_GT(total / 255, 40);
  EXPECT_NEAR(x_sum / total, 100, 0.75);
  EXPECT_NEAR(y_sum / total, 100, 0.75);
}

TEST(DrawMarks, MovingMarksLieOnTop) {
  Image image({640, 480}), moving_alone({640, 480});
  draw_marks(image, {mark_at(1, true, {100, 100}), mark_at(2, false, {104, 100})});
  draw_marks(moving_alone, {mark_at(1, true, {100, 100})});
  for (int y = 93; y <= 107; ++y) {
    for (int x = 94; x <= 106; ++x) ASSERT_EQ(image.at(x, y), moving_alone.at(x, y)) << x << ' ' << y;
  }
}

TEST(DrawMarks, AtTheBorderAreClipped) {
  Image image({64, 48});
  draw_marks(image, {mark_at(1, true, {0, 0}), mark_at(12, true, {63, 47})});
  EXPECT_EQ(image.at(1, 0).r, 255);
  EXPECT_EQ(image.at(32, 24).r, 0);
}

class Traces : public ::testing::Test {
 protected:
  static constexpr Size kFrame{64, 48};
  Image draw(TraceOverlay& overlay, const std::vector<Point>& xy, const std::vector<uint8_t>& visible) {
    Image image(kFrame);
    overlay.draw(image, xy, visible);
    return image;
  }
};

TEST_F(Traces, KeepTheWholeHistoryAndOnlyTheLastDiscs) {
  TraceOverlay overlay(kFrame, {{10, 10}}, 2);
  const Image first = draw(overlay, {{10, 10}}, {1});
  EXPECT_EQ(first.at(10, 13).r, 255);
  draw(overlay, {{30, 10}}, {1});
  const Image third = draw(overlay, {{30, 40}}, {1});
  EXPECT_EQ(third.at(20, 10), rainbow(0));
  EXPECT_EQ(third.at(30, 25), rainbow(0));
  EXPECT_EQ(third.at(10, 13), (Rgb{0, 0, 0}));
  EXPECT_EQ(third.at(30, 43), rainbow(0));
}

TEST_F(Traces, OfPointsThatCannotBeSeenEndInARing) {
  TraceOverlay overlay(kFrame, {{20, 20}}, 2);
  const Image image = draw(overlay, {{20, 20}}, {0});
  EXPECT_EQ(image.at(20, 20), (Rgb{0, 0, 0}));
  EXPECT_EQ(image.at(24, 20), rainbow(0));
}

TEST_F(Traces, JoinThePlacesWhereAPointIsSeen) {
  TraceOverlay overlay(kFrame, {{10, 10}}, 2);
  draw(overlay, {{10, 10}}, {1});
  draw(overlay, {{20, 40}}, {0});
  const Image hidden = draw(overlay, {{30, 40}}, {0});
  const Image seen = draw(overlay, {{50, 10}}, {1});
  EXPECT_EQ(hidden.at(25, 40), (Rgb{0, 0, 0})) << "a line between guesses";
  EXPECT_EQ(hidden.at(34, 40), rainbow(0)) << "the ring of the last guess";
  EXPECT_EQ(seen.at(25, 40), (Rgb{0, 0, 0}));
  EXPECT_EQ(seen.at(30, 10), rainbow(0));
}

TEST_F(Traces, OfAPointThatIsHiddenAtFirstBeginWhereItIsSeen) {
  TraceOverlay overlay(kFrame, {{10, 10}}, 2);
  draw(overlay, {{10, 10}}, {0});
  draw(overlay, {{30, 10}}, {1});
  const Image image = draw(overlay, {{50, 10}}, {1});
  EXPECT_EQ(image.at(20, 10), (Rgb{0, 0, 0}));
  EXPECT_EQ(image.at(40, 10), rainbow(0));
}

TEST_F(Traces, AtTheBorderAreDrawnToo) {
  TraceOverlay overlay(kFrame, {{0, 0}}, 2);
  draw(overlay, {{0, 0}}, {1});
  const Image image = draw(overlay, {{0, 40}}, {1});
  EXPECT_EQ(image.at(0, 20), rainbow(0));
}

TEST_F(Traces, TakeTheirColourFromTheRowOfTheQuery) {
  TraceOverlay overlay(kFrame, {{8, 40}, {30, 10}, {50, 25}}, 2);
  const Image image = draw(overlay, {{8, 20}, {30, 20}, {50, 20}}, {1, 1, 1});
  EXPECT_EQ(image.at(8, 20), rainbow(1));
  EXPECT_EQ(image.at(30, 20), rainbow(0));
  EXPECT_EQ(image.at(50, 20), rainbow(0.5));
}

TEST_F(Traces, OfASlowPointKeepTheirSoftEdge) {
  TraceOverlay once(kFrame, {{10.0F, 20.3F}}, 2), often(kFrame, {{10.0F, 20.3F}}, 2);
  draw(once, {{10.0F, 20.3F}}, {1});
  const Image expected = draw(once, {{40.0F, 20.3F}}, {1});
  Image image;
  for (int i = 0; i <= 300; ++i) image = draw(often, {{10.0F + static_cast<float>(i) * 0.1F, 20.3F}}, {1});
  for (int y = 15; y < 26; ++y) EXPECT_NEAR(image.at(25, y).r, expected.at(25, y).r, 3) << "row " << y;
}

TEST_F(Traces, OfNoPointsLeaveTheFrameAsItIs) {
  TraceOverlay overlay(kFrame, {}, 3);
  const Image image = draw(overlay, {}, {});
  EXPECT_EQ(image.pixels, Image(kFrame).pixels);
}

}  // namespace
}  // namespace magma
