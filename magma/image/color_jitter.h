// Random crop, brightness, contrast, saturation and hue for training on robot frames.
// Source: data_formats.md 2.9, "Augmentation parameters".
#pragma once

#include "magma/core/random.h"
#include "magma/image/image.h"

namespace magma {

// In that order, in floats of 0 .. 1 kept in range after each; the size stays. Draws six numbers of `rng`.
Image jittered(const Image& image, Rng& rng);

}  // namespace magma
