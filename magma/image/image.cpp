#include "magma/image/image.h"

namespace magma {

Image::Image(Size size_px, Rgb fill)
    : size(size_px), pixels(static_cast<size_t>(size_px.w) * static_cast<size_t>(size_px.h) * 3) {
  for (size_t i = 0; i < pixels.size(); i += 3) {
    pixels[i] = fill.r;
    pixels[i + 1] = fill.g;
    pixels[i + 2] = fill.b;
  }
}

}  // namespace magma
