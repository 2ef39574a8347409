#include "magma/image/draw.h"

#include <cmath>
#include <limits>
#include <numbers>

#include <gtest/gtest.h>

namespace magma {
namespace {

constexpr Rgb kWhite{255, 255, 255}, kRed{255, 0, 0};

// Sum of a channel as if each pixel were 0..1, and its centre of mass.
struct Mass {
  double total = 0, x = 0, y = 0;
};

Mass mass(const Image& image) {
  Mass m;
  for (int y = 0; y < image.size.h; ++y) {
    for (int x = 0; x < image.size.w; ++x) {
      const double value = image.at(x, y).g / 255.0;
      m.total += value;
      m.x += value * x;
      m.y += value * y;
    }
  }
  m.x /= m.total;
  m.y /= m.total;
  return m;
}

TEST(Draw, DiscHasTheAreaAndSubPixelCentreOfACircle) {
  Image image({41, 41});
  draw_disc(image, {20.3F, 19.6F}, 8.0F, kWhite);
  const Mass m = mass(image);
  EXPECT_NEAR(m.total, std::numbers::pi * 64, 1.5);
  EXPECT_NEAR(m.x, 20.3, 0.02);
  EXPECT_NEAR(m.y, 19.6, 0.02);
}

TEST(Draw, RingHasTheAreaOfItsPenStroke) {
  Image image({41, 41});
  draw_ring(image, {20, 20}, 10.0F, 3.0F, kWhite);
  EXPECT_NEAR(mass(image).total, 2 * std::numbers::pi * 10 * 3, 3);
  EXPECT_EQ(image.at(20, 20).g, 0);
  EXPECT_EQ(image.at(30, 20).g, 255);
}

TEST(Draw, LineHasTheAreaOfACapsuleInEveryDirection) {
  for (int degrees = 0; degrees < 360; degrees += 15) {
    Image image({101, 101});
    const double angle = degrees * std::numbers::pi / 180;
    const Point to{static_cast<float>(50.4 + 40 * std::cos(angle)), static_cast<float>(49.7 + 40 * std::sin(angle))};
    draw_line(image, {50.4F, 49.7F}, to, 4.0F, kWhite);
    EXPECT_NEAR(mass(image).total, 40 * 4 + std::numbers::pi * 4, 4.5) << degrees << " degrees";
  }
}

TEST(Draw, BoxIsSymmetricAndHollow) {
  Image image({30, 20});
  draw_box(image, {5, 4}, {24, 15}, 2.0F, kWhite);
  EXPECT_EQ(image.at(5, 10).g, 255);
  EXPECT_EQ(image.at(24, 10).g, 255);
  EXPECT_EQ(image.at(15, 4).g, 255);
  EXPECT_EQ(image.at(15, 15).g, 255);
  EXPECT_EQ(image.at(15, 10).g, 0);
}

TEST(Draw, IsClippedToTheImageWhateverTheCoordinates) {
  Image image({16, 16});
  draw_disc(image, {-3, 8}, 5.0F, kWhite);
  EXPECT_GT(image.at(0, 8).g, 200);
  EXPECT_EQ(image.at(4, 8).g, 0);
  draw_line(image, {8, -1e30F}, {8, 1e30F}, 1.0F, kRed);
  const Image before = image;
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  draw_disc(image, {nan, 3}, 4.0F, kWhite);
  draw_line(image, {infinity, 3}, {0, 0}, 4.0F, kWhite);
  draw_digits(image, "8", {nan, nan}, 12, kWhite);
  draw_digits(image, "8", {400, -90}, 12, kWhite);
  EXPECT_EQ(image.pixels, before.pixels);
}

TEST(Digits, HeightsAreThoseOfPillow) {
  // Pillow 12, LiberationSans-Regular: bottom of textbbox((0, 0), "55") for sizes 7 to 64.
  constexpr int kBottom[] = {7,  8,  9,  10, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 20, 21, 22, 23, 24,
                             25, 26, 27, 28, 29, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 39, 40, 41, 42,
                             43, 44, 45, 46, 48, 49, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 59};
  for (int size = 7; size <= 64; ++size) EXPECT_EQ(measure_digits("55", size).h, kBottom[size - 7]) << "size " << size;
}

TEST(Digits, WidthsAreThoseOfPillow) {
  // Pillow 12, LiberationSans-Regular: right end of textbbox((0, 0), text).
  EXPECT_EQ(measure_digits("5", 21).w, 12);
  EXPECT_EQ(measure_digits("10", 21).w, 23);
  EXPECT_EQ(measure_digits("5", 64).w, 36);
  EXPECT_EQ(measure_digits("88", 64).w, 71);
  EXPECT_EQ(measure_digits("55", 128).w, 142);
}

TEST(Digits, EveryDigitHasTheInkOfItsOutline) {
  // Areas of the glyphs in square em / 2048^2, by the shoelace formula over LiberationSans-Regular (fontTools).
  constexpr double kArea[] = {0.138759, 0.098966, 0.120569, 0.129035, 0.120658,
                              0.135127, 0.143993, 0.087186, 0.153343, 0.146455};
  for (int digit = 0; digit < 10; ++digit) {
    Image image({120, 160});
    draw_digits(image, std::to_string(digit), {10, 5}, 128, kWhite);
    const double em_px = 128.0 * std::round(128 * 1409 / 2048.0) / 1409 * 2048;  // height rounded to whole px
    EXPECT_NEAR(mass(image).total, kArea[digit] * em_px, 6) << digit;
  }
}

TEST(Digits, TopsAndFeetOfFlatDigitsAreSharp) {
  for (const int size : {17, 21, 30, 42}) {
    Image image({64, 64});
    draw_digits(image, "7", {4, 4}, size, kWhite);
    int partial_rows = 0;
    for (int y = 0; y < 64; ++y) {
      int most = 0;
      for (int x = 0; x < 64; ++x) most = std::max<int>(most, image.at(x, y).g);
      partial_rows += most > 0 && most < 128;
    }
    EXPECT_EQ(partial_rows, 0) << "size " << size;
  }
}

TEST(Rainbow, HasTheCheckValuesOfTheReferenceMap) {
  EXPECT_EQ(rainbow(0), (Rgb{255, 0, 41}));
  EXPECT_EQ(rainbow(0.25), (Rgb{205, 255, 0}));
  EXPECT_EQ(rainbow(0.5), (Rgb{0, 255, 140}));
  EXPECT_EQ(rainbow(0.75), (Rgb{0, 24, 255}));
  EXPECT_EQ(rainbow(1), (Rgb{255, 0, 191}));
}

TEST(Rainbow, TakesPositionsOutsideTheMapAsItsEnds) {
  EXPECT_EQ(rainbow(-4), rainbow(0));
  EXPECT_EQ(rainbow(std::numeric_limits<double>::quiet_NaN()), rainbow(0));
  EXPECT_EQ(rainbow(9), rainbow(1));
}

}  // namespace
}  // namespace magma
