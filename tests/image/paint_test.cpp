#include "magma/image/paint.h"

#include <gtest/gtest.h>

#include "magma/core/error.h"

namespace magma {
namespace {

constexpr Rgb kInk{200, 10, 20};

// Painted pixels as rows of '#' and '.'.
std::string seen(const Image& image) {
  std::string rows;
  for (int y = 0; y < image.size.h; ++y) {
    for (int x = 0; x < image.size.w; ++x) rows += image.at(x, y) == kInk ? '#' : '.';
    rows += '\n';
  }
  return rows;
}

TEST(Paint, BoxesAndFramesEndBeforeTheirRightAndBottom) {
  Image image({6, 5});
  paint_box(image, {1, 1, 3, 4}, kInk);
  EXPECT_EQ(seen(image), "......\n.##...\n.##...\n.##...\n......\n");
  Image framed({6, 5});
  paint_frame(framed, {0, 0, 6, 5}, 1, kInk);
  EXPECT_EQ(seen(framed), "######\n#....#\n#....#\n#....#\n######\n");
}

TEST(Paint, DiscsAndTrianglesAreWholeAndRound) {
  Image disc({7, 7});
  paint_disc(disc, {3, 3}, 3, kInk);
  EXPECT_EQ(seen(disc), "..###..\n.#####.\n#######\n#######\n#######\n.#####.\n..###..\n");
  for (const std::array<Pixel, 3> corners :
       {std::array<Pixel, 3>{{{2, 0}, {0, 2}, {4, 2}}}, {{{4, 2}, {0, 2}, {2, 0}}}}) {
    Image triangle({5, 3});
    paint_triangle(triangle, corners, kInk);
    EXPECT_EQ(seen(triangle), "..#..\n.###.\n#####\n");
  }
}

TEST(Paint, IsClippedToTheImage) {
  Image image({4, 4});
  paint_box(image, {-5, -5, 9, 1}, kInk);
  paint_disc(image, {-40, 2}, 3, kInk);
  paint_triangle(image, {{{-9, 9}, {-1, 12}, {-5, 30}}}, kInk);
  paint_text(image, "W", {3, 3}, 2, kInk);
  EXPECT_EQ(seen(image), "####\n....\n....\n...#\n");
}

TEST(Paint, TextStandsOnItsBaselineAndHangsBelowIt) {
  Image image({17, 9});
  paint_text(image, "Ig1", {0, 0}, 1, kInk);
  EXPECT_EQ(seen(image),
            ".###..........#..\n"
            "..#..........##..\n"
            "..#....####...#..\n"
            "..#...#...#...#..\n"
            "..#...#...#...#..\n"
            "..#...#...#...#..\n"
            ".###...####..###.\n"
            "..........#......\n"
            ".......###.......\n");
  EXPECT_EQ(measure_text("Ig1", 1), (Size{17, 7}));
  EXPECT_EQ(measure_text("Ig1", 3), (Size{51, 21}));
  EXPECT_THROW(paint_text(image, "\n", {0, 0}, 1, kInk), Error);
}

}  // namespace
}  // namespace magma
