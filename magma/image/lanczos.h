// Resizing by Lanczos3 with antialiasing, as tf.image.resize(method="lanczos3", antialias=True) computes it.
// Source: data_formats.md 2.9 step 13.
#pragma once

#include "magma/image/image.h"

namespace magma {

// Rounded half to even, kept in 0 .. 255.
Image resize_lanczos(const Image& image, Size size_px);

}  // namespace magma
