#include "magma/data/synthetic_screen.h"

#include <algorithm>

#include "magma/core/check.h"
#include "magma/data/synthetic_objects.h"

namespace magma {
namespace {

constexpr Rgb kInk{25, 25, 30}, kWhite{255, 255, 255}, kWindow{236, 236, 240}, kEdge{130, 130, 140};
constexpr std::array<Rgb, 4> kDesks = {{{196, 214, 230}, {206, 226, 208}, {232, 220, 196}, {222, 210, 230}}};
constexpr std::array<Rgb, 4> kTitles = {{{50, 90, 150}, {60, 110, 80}, {110, 70, 130}, {90, 90, 100}}};
constexpr std::array<Rgb, 3> kButtons = {{{205, 215, 235}, {210, 230, 210}, {240, 220, 200}}};

std::vector<std::string> icon_names() {
  return {"Mail", "Music", "Photos", "Files", "Maps", "Clock", "Notes", "Games", "Chat", "Camera"};
}
std::vector<std::string> field_names() {
  return {"Name", "Email", "Phone", "City", "Street", "Date", "Price", "Title", "Country", "Amount"};
}
std::vector<std::string> button_names() {
  return {"Save", "Cancel", "Send", "Print", "Delete", "Help", "Next", "Back", "Copy", "Search", "Reset", "Share"};
}
std::vector<std::string> window_names() { return {"Settings", "Order", "Profile", "Contact", "Booking", "Invoice"}; }

std::vector<std::string> some_of(std::vector<std::string> names, Rng& rng, int64_t count) {
  rng.shuffle(names);
  names.resize(static_cast<size_t>(count));
  return names;
}

template <typename Colours>
Rgb one_of(const Colours& colours, Rng& rng) {
  return colours[static_cast<size_t>(rng.integer(0, static_cast<int64_t>(colours.size()) - 1))];
}

class ScreenPainter {
 public:
  explicit ScreenPainter(Rng& rng) : rng_(rng) { screen_.picture = Image(kScreenSize, one_of(kDesks, rng)); }

  SyntheticScreen paint() {
    add_icons();
    const int width = integer_of(rng_, 320, 370), height = integer_of(rng_, 250, 310);
    const int left = integer_of(rng_, 110, kScreenSize.w - width - 8);
    const int top = integer_of(rng_, 20, kScreenSize.h - height - 20);
    const PixelBox window{left, top, left + width, top + height};
    add_window(window);
    add_fields(window);
    add_buttons(window);
    return std::move(screen_);
  }

 private:
  static constexpr int kTitleBar = 28;
  static constexpr int kTextHeight = 7 * kScreenDot_px;

  Image& picture() { return screen_.picture; }

  void write(std::string_view text, Pixel place, Rgb colour = kInk) {
    paint_text(picture(), text, place, kScreenDot_px, colour);
  }

  // In the middle of the box.
  Pixel centred(std::string_view text, const PixelBox& box) const {
    const Size size = measure_text(text, kScreenDot_px);
    return {box.left + (box.w() - size.w) / 2, box.top + (box.h() - size.h) / 2};
  }

  // A column on the left: a coloured figure above its name.
  void add_icons() {
    constexpr int kColumn = 52, kStep = 88, kHalf = 20, kGap = 6;
    const auto names = some_of(icon_names(), rng_, rng_.integer(2, 4));
    auto figures = distinct_objects(rng_, static_cast<int>(names.size()), kHalf);
    int y = integer_of(rng_, 30, 44);
    for (size_t i = 0; i < names.size(); ++i, y += kStep) {
      figures[i].centre = {kColumn, y};
      paint_object(picture(), figures[i]);
      const int width = measure_text(names[i], kScreenDot_px).w;
      const Pixel place{kColumn - width / 2, y + kHalf + kGap};
      write(names[i], place);
      const int half = std::max(width / 2, kHalf) + 2;
      screen_.elements.push_back({ScreenKind::Icon,
                                  names[i],
                                  {kColumn - half, y - kHalf - 2, kColumn + half + 1, place.y + kTextHeight + 6},
                                  place});
    }
  }

  void add_window(const PixelBox& window) {
    paint_box(picture(), window, kWindow);
    paint_box(picture(), {window.left, window.top, window.right, window.top + kTitleBar}, one_of(kTitles, rng_));
    paint_frame(picture(), window, 1, kEdge);
    write(window_names()[static_cast<size_t>(rng_.integer(0, 5))], {window.left + 10, window.top + 7}, kWhite);
  }

  // Names on the left, white boxes in a column beside them.
  void add_fields(const PixelBox& window) {
    constexpr int kNameWidth = 100, kHeight = 26, kFirst = 46, kStep = 40, kMargin = 14;
    int top = window.top + kFirst;
    for (const std::string& name : some_of(field_names(), rng_, rng_.integer(2, 3))) {
      const Pixel place{window.left + kMargin, top + (kHeight - kTextHeight) / 2};
      const PixelBox box{window.left + kMargin + kNameWidth, top, window.right - kMargin, top + kHeight};
      write(name, place);
      paint_box(picture(), box, kWhite);
      paint_frame(picture(), box, 1, kEdge);
      screen_.elements.push_back({ScreenKind::Field, name, box, place});
      top += kStep;
    }
  }

  // A row, or two.
  void add_buttons(const PixelBox& window) {
    constexpr int kHeight = 30, kPadding = 10, kMargin = 14, kGap = 24, kFirst = 170, kStep = 44;
    int left = window.left + kMargin, top = window.top + kFirst;
    const Rgb colour = one_of(kButtons, rng_);
    for (const std::string& name : some_of(button_names(), rng_, rng_.integer(2, 4))) {
      const int width = measure_text(name, kScreenDot_px).w + 2 * kPadding;
      if (left + width > window.right - kMargin) {
        left = window.left + kMargin;
        top += kStep;
      }
      if (top + kHeight > window.bottom - kMargin / 2) return;
      const PixelBox box{left, top, left + width, top + kHeight};
      paint_box(picture(), box, colour);
      paint_frame(picture(), box, 2, kEdge);
      write(name, centred(name, box));
      screen_.elements.push_back({ScreenKind::Button, name, box, centred(name, box)});
      left += width + kGap;
    }
  }

  Rng& rng_;
  SyntheticScreen screen_;
};

}  // namespace

std::string ScreenElement::task() const {
  switch (kind) {
    case ScreenKind::Icon:
      return "open " + text;
    case ScreenKind::Field:
      return "fill in " + text;
    case ScreenKind::Button:
      return "press " + text;
  }
  MAGMA_CHECK(false, "kind {} has no task", static_cast<int>(kind));
}

SyntheticScreen draw_screen(Rng& rng) { return ScreenPainter(rng).paint(); }

}  // namespace magma
