#include "magma/image/draw.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "magma/core/check.h"
#include "magma/image/coverage.h"
#include "magma/image/digits.h"

namespace magma {
namespace {

uint8_t mix(uint8_t from, uint8_t to, int weight) {
  return static_cast<uint8_t>(from + (((to - from) * weight + 128) >> 8));
}

// Paints one colour over what is there.
auto brush(Image& image, Rgb colour) {
  return [&image, colour](int x, int y, float coverage) {
    uint8_t* pixel = image.row(y) + static_cast<ptrdiff_t>(x) * 3;
    const int weight = static_cast<int>(coverage * 256.0F + 0.5F);
    pixel[0] = mix(pixel[0], colour.r, weight);
    pixel[1] = mix(pixel[1], colour.g, weight);
    pixel[2] = mix(pixel[2], colour.b, weight);
  };
}

constexpr int kSubRows = 16;  // sample rows per pixel row; exact along x

// A digit placed on the image: edges in px, y down.
class DigitShape {
 public:
  DigitShape(int digit, Point baseline, Point scale) {
    for (const auto& contour : digit_contours(digit)) {
      Point previous = place(contour.back(), baseline, scale);
      for (const DigitPoint& point : contour) {
        const Point next = place(point, baseline, scale);
        edges_.push_back({previous, next});
        previous = next;
      }
    }
  }

  // Adds row `y` of the shape to `coverage`, whose first entry is the pixel in column `left`.
  void add_row(int y, int left, std::vector<float>& coverage) {
    for (int i = 0; i < kSubRows; ++i) {
      find_crossings(static_cast<float>(y) - 0.5F + (static_cast<float>(i) + 0.5F) / kSubRows);
      for (size_t k = 0; k + 1 < crossings_.size(); k += 2) {
        add_span(crossings_[k] - static_cast<float>(left), crossings_[k + 1] - static_cast<float>(left), coverage);
      }
    }
  }

 private:
  struct Edge {
    Point from, to;
  };

  static Point place(DigitPoint p, Point baseline, Point scale) {
    return {baseline.x + scale.x * static_cast<float>(p.x), baseline.y - scale.y * static_cast<float>(p.y)};
  }

  void find_crossings(float y) {
    crossings_.clear();
    for (const Edge& edge : edges_) {
      if ((edge.from.y <= y) == (edge.to.y <= y)) continue;
      const float share = (y - edge.from.y) / (edge.to.y - edge.from.y);
      crossings_.push_back(edge.from.x + share * (edge.to.x - edge.from.x));
    }
    std::sort(crossings_.begin(), crossings_.end());
  }

  static void add_span(float begin, float end, std::vector<float>& coverage) {
    const PixelRange touched(begin - 0.5F, end + 0.5F, static_cast<int>(coverage.size()));
    for (int x = touched.begin; x < touched.end; ++x) {
      const float inside = std::min(end, static_cast<float>(x) + 0.5F) - std::max(begin, static_cast<float>(x) - 0.5F);
      coverage[static_cast<size_t>(x)] += std::max(0.0F, inside) / kSubRows;
    }
  }

  std::vector<Edge> edges_;
  std::vector<float> crossings_;
};

int digit_value(char digit) {
  MAGMA_CHECK(digit >= '0' && digit <= '9', "'{}' is no digit", digit);
  return digit - '0';
}

// Font units to px, rounded on the 1/64 px grid first as font engines do.
int round_units(int units, int font_size) {
  const int sixty_fourths = (units * font_size * 64 + kDigitEm / 2) / kDigitEm;
  return (sixty_fourths + 32) / 64;
}

int ascent_px(int font_size) { return (kDigitAscent * font_size + kDigitEm - 1) / kDigitEm; }

}  // namespace

void draw_disc(Image& image, Point centre, float radius_px, Rgb colour) {
  cover_disc(image.size, centre, radius_px, brush(image, colour));
}

void draw_ring(Image& image, Point centre, float radius_px, float width_px, Rgb colour) {
  cover_ring(image.size, centre, radius_px, width_px, brush(image, colour));
}

void draw_line(Image& image, Point from, Point to, float width_px, Rgb colour) {
  cover_line(image.size, from, to, width_px, brush(image, colour));
}

void draw_box(Image& image, Point top_left, Point bottom_right, float width_px, Rgb colour) {
  const Point top_right{bottom_right.x, top_left.y}, bottom_left{top_left.x, bottom_right.y};
  draw_line(image, top_left, top_right, width_px, colour);
  draw_line(image, top_right, bottom_right, width_px, colour);
  draw_line(image, bottom_right, bottom_left, width_px, colour);
  draw_line(image, bottom_left, top_left, width_px, colour);
}

TextBox measure_digits(const std::string& digits, int font_size) {
  int below = 0;
  for (const char digit : digits) {
    const bool round_foot =
        std::string_view("035689").find(static_cast<char>('0' + digit_value(digit))) != std::string_view::npos;
    if (round_foot) below = round_units(kDigitOvershoot, font_size);
  }
  return {round_units(kDigitAdvance * static_cast<int>(digits.size()), font_size), ascent_px(font_size) + below};
}

// Whole pixels keep the tops of the digits as sharp as their feet.
int digit_height_px(int font_size) { return std::max(1, round_units(kDigitHeight, font_size)); }

void draw_digits(Image& image, const std::string& digits, Point top_left, int font_size, Rgb colour) {
  if (!is_finite(top_left)) return;
  const float unit = static_cast<float>(font_size) / kDigitEm;
  const auto height = static_cast<float>(digit_height_px(font_size));
  const Point scale{unit, height / kDigitHeight};
  Point baseline{top_left.x - 0.5F, top_left.y - 0.5F + static_cast<float>(ascent_px(font_size))};
  const auto paint = brush(image, colour);
  for (const char digit : digits) {
    DigitShape shape(digit_value(digit), baseline, scale);
    const float overshoot = scale.y * kDigitOvershoot + 1;
    const PixelRange rows(baseline.y - height - overshoot, baseline.y + overshoot, image.size.h);
    const PixelRange columns(baseline.x, baseline.x + unit * kDigitAdvance, image.size.w);
    std::vector<float> coverage(static_cast<size_t>(std::max(0, columns.end - columns.begin)));
    for (int y = rows.begin; y < rows.end && !coverage.empty(); ++y) {
      std::fill(coverage.begin(), coverage.end(), 0.0F);
      shape.add_row(y, columns.begin, coverage);
      for (int x = columns.begin; x < columns.end; ++x) {
        const float share = coverage[static_cast<size_t>(x - columns.begin)];
        if (share > 0) paint(x, y, std::min(1.0F, share));
      }
    }
    baseline.x += unit * kDigitAdvance;
  }
}

Rgb rainbow(double position) {
  struct Stop {
    double position, r, g, b;
  };
  static constexpr Stop kStops[] = {{0, 1, 0, .16},  {.03, 1, 0, 0}, {.215, 1, 1, 0}, {.4, 0, 1, 0},
                                    {.586, 0, 1, 1}, {.77, 0, 0, 1}, {.954, 1, 0, 1}, {1, 1, 0, .75}};
  const double clamped = position > 0 ? std::min(position, 1.0) : 0.0;
  const double v = std::min(255.0, std::floor(256 * clamped)) / 255;  // the map has 256 entries
  size_t i = 1;
  while (i + 1 < std::size(kStops) && v > kStops[i].position) ++i;
  const Stop &a = kStops[i - 1], &b = kStops[i];
  const double share = (v - a.position) / (b.position - a.position);
  const auto channel = [share](double from, double to) {
    return static_cast<uint8_t>(std::lround(255 * (from + share * (to - from))));
  };
  return {channel(a.r, b.r), channel(a.g, b.g), channel(a.b, b.b)};
}

}  // namespace magma
