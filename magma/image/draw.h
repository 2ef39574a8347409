// Drawing on an Image, anti-aliased, sub-pixel. Everything is clipped to the image.
#pragma once

#include <string>

#include "magma/image/image.h"

namespace magma {

void draw_disc(Image& image, Point centre, float radius_px, Rgb colour);
void draw_ring(Image& image, Point centre, float radius_px, float width_px, Rgb colour);
void draw_line(Image& image, Point from, Point to, float width_px, Rgb colour);
void draw_box(Image& image, Point top_left, Point bottom_right, float width_px, Rgb colour);

// Digits 0-9 in an Arial-metric face (Liberation Sans), rasterised into the program: no font file needed.
struct TextBox {
  int w = 0, h = 0;  // measured from the text origin: h includes the gap above the glyphs
};
TextBox measure_digits(const std::string& digits, int font_size);
int digit_height_px(int font_size);  // of a flat-topped digit: the box of "1" less the gap above it
void draw_digits(Image& image, const std::string& digits, Point top_left, int font_size, Rgb colour);

// Position 0..1 on the rainbow of som_tom.md 5.2.
Rgb rainbow(double position);

}  // namespace magma
