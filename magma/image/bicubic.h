// Bicubic resizing with antialiasing, to the bit as Pillow does it: the reference resizes frames so.
#pragma once

#include "magma/image/image.h"

namespace magma {

Image resize_bicubic(const Image& image, Size to);  // sides of both at least 1 px

}  // namespace magma
