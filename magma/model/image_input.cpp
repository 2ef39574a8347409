#include "magma/model/image_input.h"

#include <utility>

#include "magma/core/check.h"

namespace magma {

ImageInput image_input(ImageCrops crops) {
  const Shape shape = {crops.grid.rows * crops.grid.cols, 3, crops.base, crops.base};
  const CropGrid grid{crops.grid.rows, crops.grid.cols};
  const auto kept = std::make_shared<const std::vector<float>>(std::move(crops.values));
  MAGMA_CHECK(static_cast<int64_t>(kept->size()) == shape[0] * 3 * crops.base * crops.base, "{} values for {}",
              kept->size(), shape_text(shape));
  return {Tensor::borrowed(kept->data(), shape, DType::F32, kept), grid};
}

}  // namespace magma
