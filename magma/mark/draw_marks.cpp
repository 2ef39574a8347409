#include "magma/mark/draw_marks.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "magma/core/check.h"
#include "magma/image/coverage.h"
#include "magma/image/draw.h"

namespace magma {
namespace {

constexpr Rgb kMarkColour{255, 0, 0}, kNumberColour{255, 255, 255};

// Width the font rule counts with: portrait frames keep readable marks.
double rule_width(Size frame) { return std::min<double>(frame.w, 1.33 * frame.h); }

void draw_mark(Image& image, const Mark& mark, const MarkStyle& style) {
  const std::string number = std::to_string(mark.id);
  draw_disc(image, mark.position, static_cast<float>(style.radius_px(number)), kMarkColour);
  const TextBox box = measure_digits(number, style.font_size);
  // The box starts at the text origin; the gap above the glyphs is taken back, so that the ink is centred.
  const int gap = measure_digits("1", style.font_size).h - digit_height_px(style.font_size);
  const Point top_left{mark.position.x - 0.5F * static_cast<float>(box.w),
                       mark.position.y - 0.5F * static_cast<float>(box.h + gap)};
  // On whole pixels the digits are sharp; half a pixel off centre is not seen.
  draw_digits(image, number, {std::round(top_left.x), std::round(top_left.y)}, style.font_size, kNumberColour);
}

}  // namespace

int MarkStyle::radius_px(const std::string& number) const {
  const TextBox box = measure_digits(number, font_size);
  return std::max(box.w, box.h) / 2 + 1;
}

MarkStyle mark_style(Size frame) {
  const double least = 0.03 * rule_width(frame);
  MarkStyle style{1};
  for (TextBox box = measure_digits("55", 1); std::min(box.w, box.h) < least;
       box = measure_digits("55", style.font_size)) {
    ++style.font_size;
  }
  return style;
}

float mark_radius_px(Size frame) { return static_cast<float>(mark_style(frame).radius_px("55")); }

void draw_marks(Image& image, const std::vector<Mark>& marks) {
  const MarkStyle style = mark_style(image.size);
  for (const bool moving : {false, true}) {
    for (const Mark& mark : marks) {
      if (mark.moving == moving) draw_mark(image, mark, style);
    }
  }
}

struct TraceOverlay::State {
  // Colour times opacity, opacity; and how much of the pixel the track drawn last covers, so that a slow track, drawn
  // over itself again and again, keeps its soft edge.
  struct Pixel {
    float r = 0, g = 0, b = 0, opacity = 0;
    float covered = 0;
    int track = -1;
  };
  struct Span {
    int begin, end;
  };

  Size frame;
  float width;
  std::vector<Rgb> colours;                // [N]
  std::vector<std::optional<Point>> last;  // [N] where it was seen last
  std::vector<Pixel> pixels;               // [H, W]
  std::vector<Span> touched;               // [H] columns of each row

  void add_segment(int track, Point from, Point to);
  void compose(Image& image) const;
};

void TraceOverlay::State::add_segment(int track, Point from, Point to) {
  const Rgb colour = colours[static_cast<size_t>(track)];
  cover_line(frame, from, to, width, [&](int x, int y, float coverage) {
    Pixel& pixel = pixels[static_cast<size_t>(y) * static_cast<size_t>(frame.w) + static_cast<size_t>(x)];
    const float before = pixel.track == track ? pixel.covered : 0;
    if (coverage <= before) return;
    const float share = (coverage - before) / (1 - before);
    const auto mix = [share](float& value, float target) { value += share * (target - value); };
    mix(pixel.r, colour.r);
    mix(pixel.g, colour.g);
    mix(pixel.b, colour.b);
    mix(pixel.opacity, 1);
    pixel.track = track;
    pixel.covered = coverage;
    Span& span = touched[static_cast<size_t>(y)];
    span = {std::min(span.begin, x), std::max(span.end, x + 1)};
  });
}

void TraceOverlay::State::compose(Image& image) const {
  for (int y = 0; y < frame.h; ++y) {
    const auto [begin, end] = touched[static_cast<size_t>(y)];
    const Pixel* row = pixels.data() + static_cast<size_t>(y) * static_cast<size_t>(frame.w);
    for (int x = begin; x < end; ++x) {
      const Pixel& pixel = row[x];
      if (pixel.opacity == 0) continue;
      uint8_t* out = image.row(y) + static_cast<ptrdiff_t>(x) * 3;
      const float rest = 1 - pixel.opacity;
      out[0] = static_cast<uint8_t>(pixel.r + rest * out[0] + 0.5F);
      out[1] = static_cast<uint8_t>(pixel.g + rest * out[1] + 0.5F);
      out[2] = static_cast<uint8_t>(pixel.b + rest * out[2] + 0.5F);
    }
  }
}

TraceOverlay::TraceOverlay(Size frame, const std::vector<Point>& from, float line_width_px)
    : state_(std::make_unique<State>()) {
  state_->frame = frame;
  state_->width = line_width_px;
  state_->last.resize(from.size());
  state_->pixels.resize(static_cast<size_t>(frame.w) * static_cast<size_t>(frame.h));
  state_->touched.assign(static_cast<size_t>(frame.h), {frame.w, 0});
  if (from.empty()) return;
  const auto [top, bottom] = std::minmax_element(from.begin(), from.end(), [](Point a, Point b) { return a.y < b.y; });
  const float height = bottom->y - top->y;
  for (const Point& point : from) {
    state_->colours.push_back(rainbow(height > 0 ? (point.y - top->y) / height : 0.0F));
  }
}

TraceOverlay::~TraceOverlay() = default;

void TraceOverlay::draw(Image& image, const std::vector<Point>& xy, const std::vector<uint8_t>& visible) {
  State& s = *state_;
  MAGMA_CHECK(image.size == s.frame, "frame changed its size");
  MAGMA_CHECK(xy.size() == s.colours.size() && visible.size() == xy.size(), "{} points of {}", xy.size(),
              s.colours.size());
  for (size_t n = 0; n < xy.size(); ++n) {
    if (visible[n] == 0) continue;
    if (s.last[n]) s.add_segment(static_cast<int>(n), *s.last[n], xy[n]);
    s.last[n] = xy[n];
  }
  s.compose(image);
  for (size_t n = 0; n < xy.size(); ++n) {
    if (visible[n] != 0) {
      draw_disc(image, xy[n], 2 * s.width, s.colours[n]);
    } else {
      draw_ring(image, xy[n], 2 * s.width, 0.5F * s.width, s.colours[n]);
    }
  }
}

}  // namespace magma
