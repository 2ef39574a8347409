// Marks and traces as pictures: numbered discs, rainbow traces, the two videos. Source: som_tom.md 5.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "magma/image/image.h"
#include "magma/mark/clip_marks.h"
#include "magma/track/tracker.h"

namespace magma {

struct MarkStyle {
  int font_size = 0;
  int radius_px(const std::string& number) const;
};

MarkStyle mark_style(Size frame);                               // font rule of 5.1 on min(W, 1.33 H)
float mark_radius_px(Size frame);                               // of a two-digit mark: spacing rule of 1.6 step 7
void draw_marks(Image& image, const std::vector<Mark>& marks);  // static ones first, moving ones on top

// Draws the history of all points as it grows: one overlay, N segments a frame. Places where a point is hidden are
// guesses: no line leads there, and one straight line joins the seen places before and after, as in the labels.
class TraceOverlay {
 public:
  // `from` [N]: positions at the query frame (decide the colours). In pixels of the frame drawn on.
  TraceOverlay(Size frame, const std::vector<Point>& from, float line_width_px);
  ~TraceOverlay();
  // Adds the step to `xy` [N] of visible points, then draws all history and this frame's discs (rings when hidden).
  void draw(Image& image, const std::vector<Point>& xy, const std::vector<uint8_t>& visible);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace magma
