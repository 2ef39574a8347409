// Pictures of every kind, from their files to the crops of the reference.
#include "magma/model/image_input.h"

#include <cstdio>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/image/codec.h"
#include "magma/nn/safetensors.h"
#include "tests/model/fixture_set.h"

namespace magma {
namespace {

// "wide.png@b32-n9"
struct Wanted {
  std::string picture;
  int64_t base = 0, crops = 0;
};

Wanted wanted_of(const std::string& key) {
  const size_t at = key.find("@b"), dash = key.find("-n");
  return {key.substr(0, at), std::stoll(key.substr(at + 2)), std::stoll(key.substr(dash + 2))};
}

ImageCrops processed(const Path& folder, const Wanted& wanted) {
  ImageProcessorConfig config;
  config.base_img_size = wanted.base;
  config.num_crops = wanted.crops;
  const Path path = folder / "images" / wanted.picture;
  const Image image = wanted.picture == "(black)"
                          ? Image({static_cast<int>(wanted.base), static_cast<int>(wanted.base)})
                          : decode_image(read_file(path, int64_t{1} << 24U), wanted.picture);
  return ImageProcessor(config).process(image);
}

TEST(ImageInput, CropsAreThoseOfTheReference) {
  const bool whole = std::filesystem::exists(FixtureSet::folder() / "reference/pixels.json");
  const Path reference = FixtureSet::folder() / "reference";
  const Json facts = read_json(reference / (whole ? "pixels.json" : "crops.json"));
  const SafetensorsFile file(reference / (whole ? "pixels.safetensors" : "crops.safetensors"));
  double largest = 0;
  for (const auto& [key, value] : facts.items()) {
    const double tolerance = value.is_object() ? value.at("f32_atol").get<double>() : value.get<double>();
    const ImageInput input = image_input(processed(FixtureSet::folder(), wanted_of(key)));
    ASSERT_EQ(input.crops.shape(), file.entry(key).shape) << key;
    EXPECT_EQ(input.grid.rows * input.grid.cols, input.crops.dim(0));
    const std::vector<float> got(input.crops.floats(), input.crops.floats() + input.crops.count());
    const double off = difference(file.read_as<float>(key), got).largest;
    EXPECT_LE(off, tolerance) << key;
    largest = std::max(largest, off);
  }
  EXPECT_GE(facts.size(), 11U);
  std::printf("%zu sets of crops, largest difference %.3g\n", facts.size(), largest);
}

}  // namespace
}  // namespace magma
