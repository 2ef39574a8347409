// Screens that are made up: a window with fields and buttons above a desk with icons. Everything one can click is named
// by the text that stands on it, beside it or below it.
#pragma once

#include <string>
#include <vector>

#include "magma/core/random.h"
#include "magma/image/paint.h"

namespace magma {

enum class ScreenKind { Icon, Field, Button };

struct ScreenElement {
  ScreenKind kind = ScreenKind::Button;
  std::string text;    // as it is painted; once on a screen
  PixelBox box{};      // what is clicked
  Pixel text_place{};  // top left of the text

  std::string task() const;  // "open Mail", "fill in City", "press Save"
};

struct SyntheticScreen {
  Image picture;
  std::vector<ScreenElement> elements;  // icons, fields, buttons
};

inline constexpr int kScreenDot_px = 2;  // of its texts
inline constexpr Size kScreenSize{512, 384};

SyntheticScreen draw_screen(Rng& rng);

}  // namespace magma
