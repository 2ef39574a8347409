// What an answer points at on a screen: a mark, a point, a box. Source: agents_and_serving.md 8.4, model.md 6.6.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "magma/action/framed_point.h"

namespace magma {

// What whole numbers above 1 mean. Never guessed: the model's publisher says so or they mean nothing.
enum class NumberScale { Unknown, PerMille, Pixels };

struct Grounding {
  std::optional<int64_t> mark;
  std::optional<FramedPoint> point;               // of a box its centre
  std::optional<std::array<FramedPoint, 2>> box;  // left top, right bottom
  std::string why_not{};                          // there are neither mark nor point, or they are unclear
};

// Reads at most 4 KiB. "Mark: 7"; "(0.49,0.40)"; "[0.1, 0.2, 0.3, 0.4]"; "<box>(100,200),(300,400)</box>"; "(49%,
// 40%)".
Grounding read_grounding(std::string_view text, NumberScale scale = NumberScale::Unknown);

}  // namespace magma
