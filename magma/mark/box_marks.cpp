#include "magma/mark/box_marks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "magma/image/draw.h"

namespace magma {
namespace {

constexpr Rgb kRed{255, 0, 0}, kWhite{255, 255, 255};
constexpr int kOutline = 2;  // px

PixelBox at(int left, int top, Size size) { return {left, top, left + size.w, top + size.h}; }

// Top left, top right, right top, right bottom, bottom right, bottom left, left bottom, left top.
std::array<PixelBox, 8> candidates(const PixelBox& box, Size label) {
  const int above = box.top - label.h, before = box.left - label.w;
  const int flush_right = box.right - label.w, flush_bottom = box.bottom - label.h;
  return {at(box.left, above, label),         at(flush_right, above, label),      at(box.right, box.top, label),
          at(box.right, flush_bottom, label), at(flush_right, box.bottom, label), at(box.left, box.bottom, label),
          at(before, flush_bottom, label),    at(before, box.top, label)};
}

double overlap_area(const PixelBox& a, const PixelBox& b) {
  if (!overlap(a, b)) return 0;
  return static_cast<double>(std::min(a.right, b.right) - std::max(a.left, b.left)) *
         (std::min(a.bottom, b.bottom) - std::max(a.top, b.top));
}

double nearest_corner_distance(const PixelBox& a, const PixelBox& b) {
  double nearest = std::numeric_limits<double>::infinity();
  for (const Pixel p : {Pixel{a.left, a.top}, {a.right, a.top}, {a.left, a.bottom}, {a.right, a.bottom}}) {
    for (const Pixel q : {Pixel{b.left, b.top}, {b.right, b.top}, {b.left, b.bottom}, {b.right, b.bottom}}) {
      const double dx = p.x - q.x, dy = p.y - q.y;
      nearest = std::min(nearest, std::sqrt(dx * dx + dy * dy));
    }
  }
  return nearest;
}

double cost_of(const PixelBox& place, const PixelBox& other) {
  constexpr double kPerPixel = 0.0001;
  return overlap_area(place, other) - kPerPixel * nearest_corner_distance(place, other);
}

}  // namespace

int box_mark_font_size(Size screen) {
  constexpr int kSmallest = 20, kLargestSide = 30;
  constexpr double kShare = 0.04;
  const double wanted = std::min<double>(kLargestSide, kShare * std::min(screen.h, screen.w));
  int size = kSmallest;
  for (;; ++size) {
    const TextBox box = measure_digits("555", size);
    if (std::min(box.w, box.h) >= wanted) return size;
  }
}

PixelBox box_label_place(const std::vector<PixelBox>& boxes, size_t number, Size label, Size screen,
                         const std::vector<PixelBox>& placed) {
  const PixelBox& box = boxes[number];
  PixelBox best = at(box.left, box.top, label);
  double least = std::numeric_limits<double>::infinity();
  for (const PixelBox& place : candidates(box, label)) {
    if (place.left < 0 || place.top < 0 || place.right > screen.w || place.bottom > screen.h) continue;
    double cost = -std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < boxes.size(); ++i) {
      if (i != number) cost = std::max(cost, cost_of(place, boxes[i]));
    }
    for (const PixelBox& other : placed) cost = std::max(cost, cost_of(place, other));
    if (cost >= least && least < std::numeric_limits<double>::infinity()) continue;
    least = cost;
    best = place;
  }
  return best;
}

void draw_box_marks(Image& image, const std::vector<PixelBox>& boxes) {
  const int font_size = box_mark_font_size(image.size);
  for (const PixelBox& box : boxes) paint_frame(image, box, kOutline, kRed);
  std::vector<PixelBox> placed;
  for (size_t i = 0; i < boxes.size(); ++i) {
    const std::string number = std::to_string(i);
    const TextBox text = measure_digits(number, font_size);
    const int above = text.h - digit_height_px(font_size);  // of the text origin, and as much room below
    const Size label{text.w + 2 * kOutline, digit_height_px(font_size) + 2 * kOutline + 1};
    const PixelBox place = box_label_place(boxes, i, label, image.size, placed);
    placed.push_back(place);
    paint_box(image, place, kRed);
    const Point origin{static_cast<float>(place.left + kOutline), static_cast<float>(place.top + kOutline - above)};
    draw_digits(image, number, origin, font_size, kWhite);
  }
}

}  // namespace magma
