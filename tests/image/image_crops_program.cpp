// For tests/parity/image_parity.py. In: width, height, most crops, base as i64, then the RGB bytes; again and again
// until the end. Out: rows, columns as i64, then the crops as f32.
#include <array>
#include <cstdio>

#include "magma/image/image_processor.h"

int main() {
  std::array<int64_t, 4> asked{};
  while (std::fread(asked.data(), sizeof(int64_t), asked.size(), stdin) == asked.size()) {
    magma::Image image({static_cast<int>(asked[0]), static_cast<int>(asked[1])});
    if (std::fread(image.pixels.data(), 1, image.pixels.size(), stdin) != image.pixels.size()) return 1;
    magma::ImageProcessorConfig config;
    config.num_crops = asked[2];
    config.base_img_size = asked[3];
    const magma::ImageCrops crops = magma::ImageProcessor(config).process(image);
    const std::array<int64_t, 2> grid = {crops.grid.rows, crops.grid.cols};
    std::fwrite(grid.data(), sizeof(int64_t), grid.size(), stdout);
    std::fwrite(crops.values.data(), sizeof(float), crops.values.size(), stdout);
    std::fflush(stdout);
  }
  return 0;
}
