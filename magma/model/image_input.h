// Crops of the image processor as the network takes them.
#pragma once

#include "magma/image/image_processor.h"
#include "magma/model/network.h"

namespace magma {

ImageInput image_input(ImageCrops crops);  // keeps their memory, copies nothing

}  // namespace magma
