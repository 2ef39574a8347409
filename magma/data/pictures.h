// Pictures of a sample -> crops, as the trainer's vision tower takes them. Source: data_formats.md 2.9, 5.2, 5.3.
#pragma once

#include <vector>

#include "magma/core/random.h"
#include "magma/data/data_config.h"
#include "magma/data/sample.h"
#include "magma/image/image_processor.h"

namespace magma {

// Pixels of one picture; Error when its file is missing or it cannot be decoded, naming it. No bytes: black.
Image decode_picture(const SampleImage& picture, const DataConfig& config);

// The same as the trainer's processor takes it: of robot streams squeezed to a square of image_size by Lanczos.
Image trainer_picture(const SampleImage& picture, const DataConfig& config);

class PictureCropper {
 public:
  explicit PictureCropper(const DataConfig& config);
  // In the order of the sample's pictures; `rng` is used where the configuration augments.
  std::vector<ImageCrops> crops(const Sample& sample, Rng& rng) const;

 private:
  DataConfig config_;
  ImageProcessor processor_;
};

}  // namespace magma
