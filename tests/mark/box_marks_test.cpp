#include "magma/mark/box_marks.h"

#include <gtest/gtest.h>

#include "magma/image/draw.h"

namespace magma {
namespace {

constexpr Size kScreen{200, 100}, kLabel{12, 10};

PixelBox placed(const std::vector<PixelBox>& boxes, const std::vector<PixelBox>& labels = {}) {
  return box_label_place(boxes, 0, kLabel, kScreen, labels);
}

TEST(BoxMarks, LabelsStandAroundTheirBoxInsideTheScreen) {
  EXPECT_EQ(placed({{50, 40, 90, 60}}), (PixelBox{50, 30, 62, 40}));                    // above, on the left
  EXPECT_EQ(placed({{50, 4, 90, 60}}), (PixelBox{90, 4, 102, 14}));                     // no room above: on the right
  EXPECT_EQ(placed({{50, 4, 195, 60}}), (PixelBox{183, 60, 195, 70}));                  // nor there: below
  EXPECT_EQ(placed({{5, 4, 195, 60}, {150, 60, 195, 90}}), (PixelBox{5, 60, 17, 70}));  // away from another box
  EXPECT_EQ(placed({{0, 0, 200, 100}}), (PixelBox{0, 0, 12, 10}));                      // nowhere: inside
}

TEST(BoxMarks, LabelsKeepOffOtherBoxesAndLabels) {
  const PixelBox box{50, 40, 90, 60}, above{40, 10, 100, 39};
  EXPECT_FALSE(overlap(placed({box, above}), above));
  const std::vector<PixelBox> labels = {{50, 30, 62, 40}, {78, 30, 90, 40}, {90, 40, 102, 50}};
  for (const PixelBox& label : labels) EXPECT_FALSE(overlap(placed({box}, labels), label));
}

TEST(BoxMarks, FontGrowsWithTheScreenAndStops) {
  EXPECT_EQ(box_mark_font_size({320, 240}), 20);
  const int large = box_mark_font_size({1920, 1080}), huge = box_mark_font_size({7680, 4320});
  EXPECT_EQ(large, huge);
  EXPECT_GE(measure_digits("555", large).h, 30);
  EXPECT_LT(measure_digits("555", large - 1).h, 30);
}

TEST(BoxMarks, DrawsOutlinesOfTwoPixelsAndWhiteNumbersOnRed) {
  Image image(kScreen, {10, 20, 30});
  draw_box_marks(image, {{50, 40, 90, 60}});
  const Rgb red{255, 0, 0}, ground{10, 20, 30};
  for (const int x : {50, 51, 88, 89}) EXPECT_EQ(image.at(x, 50), red) << x;
  for (const int x : {49, 52, 87, 90}) EXPECT_EQ(image.at(x, 50), ground) << x;
  int white = 0;
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < kScreen.w; ++x) white += image.at(x, y) == Rgb{255, 255, 255} ? 1 : 0;
  }
  EXPECT_GT(white, 10);
  EXPECT_LT(white, 100);
}

}  // namespace
}  // namespace magma
