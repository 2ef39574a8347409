// preprocessor_config.json of a model folder: how its pictures become numbers. Source: model.md 0, 1.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "magma/core/file.h"
#include "magma/core/json.h"

namespace magma {

struct ImageProcessorConfig {
  std::string anyres_strategy = "crop";  // crop or global; the crops are the same, config.json decides for the model
  int64_t base_img_size = 512;           // side of a crop, px
  int64_t num_crops = 4;                 // at most, of one picture
  std::array<float, 3> image_mean = {0.48145466F, 0.4578275F, 0.40821073F};  // of R, G, B in 0..1
  std::array<float, 3> image_std = {0.26862954F, 0.26130258F, 0.27577711F};
};

// Error(Malformed) with the JSON pointer for a value that is missing, mistyped or out of range; Error(Refused) for
// processing we do not do. Keys that name code to load are never acted on; keys without meaning for us are logged.
ImageProcessorConfig parse_image_processor_config(const Json& root, const std::string& file);
ImageProcessorConfig read_image_processor_config(const Path& folder);

}  // namespace magma
