#include "magma/data/pictures.h"

#include "magma/core/error.h"
#include "magma/core/file.h"
#include "magma/core/limits.h"
#include "magma/image/codec.h"
#include "magma/image/color_jitter.h"
#include "magma/image/lanczos.h"

namespace magma {
namespace {

Image black_square(int64_t side) { return Image({static_cast<int>(side), static_cast<int>(side)}); }

ImageProcessorConfig processor_config(const DataConfig& config) {
  ImageProcessorConfig result;
  result.base_img_size = config.image_size;
  result.num_crops = config.max_crops;
  return result;
}

}  // namespace

Image decode_picture(const SampleImage& picture, const DataConfig& config) {
  if (picture.pixels) return *picture.pixels;
  if (picture.encoded && picture.encoded->empty()) return black_square(config.image_size);
  if (picture.encoded) return decode_image(*picture.encoded, picture.name);
  return decode_image(read_file(picture.path, limits().image_bytes),
                      picture.name.empty() ? picture.path : picture.name);
}

Image trainer_picture(const SampleImage& picture, const DataConfig& config) {
  Image image = decode_picture(picture, config);
  const auto side = static_cast<int>(config.image_size);
  if (!picture.lanczos || (image.size.w == side && image.size.h == side)) return image;
  return resize_lanczos(image, {side, side});
}

PictureCropper::PictureCropper(const DataConfig& config) : config_(config), processor_(processor_config(config)) {}

std::vector<ImageCrops> PictureCropper::crops(const Sample& sample, Rng& rng) const {
  std::vector<ImageCrops> result;
  for (const SampleImage& picture : sample.images) {
    Image image = trainer_picture(picture, config_);
    const bool padding = picture.encoded && picture.encoded->empty();
    if (picture.lanczos && config_.augment && !padding) image = jittered(image, rng);
    result.push_back(processor_.process(image, sample.num_crops));
  }
  return result;
}

}  // namespace magma
