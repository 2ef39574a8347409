#include "magma/image/image_processor.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/random.h"
#include "magma/image/codec.h"
#include "magma/image/video_reader.h"
#include "tests/image/video_inputs.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

ImageProcessor processor(int64_t base, int64_t crops, std::array<float, 3> mean = {0, 0, 0},
                         std::array<float, 3> deviation = {1, 1, 1}) {
  ImageProcessorConfig config;
  config.base_img_size = base;
  config.num_crops = crops;
  config.image_mean = mean;
  config.image_std = deviation;
  return ImageProcessor(config);
}

Image noise(Size size, uint64_t seed) {
  Rng rng(seed);
  Image image(size);
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(rng.integer(0, 255));
  return image;
}

float value_at(const ImageCrops& crops, int64_t channel, int64_t y, int64_t x) {
  const int64_t b = crops.base, crop = y / b * crops.grid.cols + x / b;
  return crops.values.at(static_cast<size_t>(((crop * 3 + channel) * b + y % b) * b + x % b));
}

// The definition of model.md 1.3 in doubles.
double expected_at(const Image& image, Size canvas, int channel, int64_t y, int64_t x) {
  const auto axis = [](int64_t at, int from, int to) {
    return std::max(0.0, (static_cast<double>(at) + 0.5) * from / to - 0.5);
  };
  const double u = axis(x, image.size.w, canvas.w), v = axis(y, image.size.h, canvas.h);
  const auto pixel = [&](double px, double py) {
    const int cx = std::min(static_cast<int>(px), image.size.w - 1),
              cy = std::min(static_cast<int>(py), image.size.h - 1);
    return image.row(cy)[cx * 3 + channel] / 255.0;
  };
  const double fx = u - std::floor(u), fy = v - std::floor(v);
  const double top = (1 - fx) * pixel(u, v) + fx * pixel(u + 1, v);
  const double bottom = (1 - fx) * pixel(u, v + 1) + fx * pixel(u + 1, v + 1);
  return (1 - fy) * top + fy * bottom;
}

TEST(ImageProcessor, GridsAreThoseOfTheReference) {
  std::ifstream file(Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model/reference/grids.json");
  const nlohmann::json grids = nlohmann::json::parse(file);
  ASSERT_GT(grids.size(), 1900U);
  for (const auto& row : grids) {
    const ImageGrid grid = choose_grid({row[0], row[1]}, row[2], row[3]);
    EXPECT_EQ(grid, (ImageGrid{row[4][0], row[4][1]})) << row;
  }
}

TEST(ImageProcessor, NormalisedValuesAreThoseOfTheSpecification) {
  const ImageProcessor published{ImageProcessorConfig{}};
  const float expected[3][3] = {
      {-1.792263F, -1.752097F, -1.480220F}, {0.076336F, 0.168897F, 0.339949F}, {1.930336F, 2.074884F, 2.145897F}};
  const uint8_t values[3] = {0, 128, 255};
  for (size_t i = 0; i < 3; ++i) {
    const ImageCrops crops = published.process(Image({5, 7}, Rgb{values[i], values[i], values[i]}), 1);
    for (int64_t c = 0; c < 3; ++c) EXPECT_NEAR(value_at(crops, c, 100, 100), expected[i][c], 1e-6);
  }
}

TEST(ImageProcessor, SamplesAreThoseOfTheSpecification) {
  Image ramp({4, 4});
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) ramp.row(y)[x * 3] = static_cast<uint8_t>(x * 51);
  }
  const ImageCrops larger = processor(8, 1).process(ramp), smaller = processor(2, 1).process(ramp);
  const float expected[8] = {0, .25F, .75F, 1.25F, 1.75F, 2.25F, 2.75F, 3};
  for (int64_t x = 0; x < 8; ++x) EXPECT_NEAR(value_at(larger, 0, 3, x) * 5, expected[x], 1e-6) << x;
  EXPECT_NEAR(value_at(smaller, 0, 0, 0) * 5, 0.5, 1e-6);
  EXPECT_NEAR(value_at(smaller, 0, 0, 1) * 5, 2.5, 1e-6);
}

TEST(ImageProcessor, APictureOfTheCanvasSizeIsCutIntoCrops) {
  const Image image = noise({96, 64}, 3);
  const ImageCrops crops = processor(32, 6).process(image);
  ASSERT_EQ(crops.grid, (ImageGrid{2, 3}));
  for (int64_t y = 0; y < 64; ++y) {
    for (int64_t x = 0; x < 96; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        ASSERT_EQ(value_at(crops, c, y, x), static_cast<float>(image.row(static_cast<int>(y))[x * 3 + c]) / 255.0F);
      }
    }
  }
}

TEST(ImageProcessor, RandomSizesFollowTheDefinition) {
  Rng rng(11);
  for (int i = 0; i < 60; ++i) {
    const Image image =
        noise({static_cast<int>(rng.integer(1, 300)), static_cast<int>(rng.integer(1, 300))}, rng.next());
    const ImageCrops crops = processor(32 * rng.integer(1, 3), rng.integer(1, 9)).process(image);
    EXPECT_EQ(crops.picture, image.size);
    EXPECT_EQ(static_cast<int64_t>(crops.values.size()),
              crops.grid.rows * crops.grid.cols * 3 * crops.base * crops.base);
    for (int k = 0; k < 300; ++k) {
      const int64_t y = rng.integer(0, crops.canvas().h - 1), x = rng.integer(0, crops.canvas().w - 1);
      const auto c = static_cast<int>(rng.integer(0, 2));
      ASSERT_NEAR(value_at(crops, c, y, x), expected_at(image, crops.canvas(), c, y, x), 5e-5)
          << image.size.w << "x" << image.size.h << " at " << x << "," << y;
    }
  }
}

TEST(ImageProcessor, ThreadsNeverChangeAValue) {
  const Image image = noise({201, 77}, 5);
  const ImageCrops one = processor(64, 4).process(image, {}, 1), three = processor(64, 4).process(image, {}, 3);
  EXPECT_EQ(one.values, three.values);
}

TEST(ImageProcessor, TheNumberOfCropsMayBeOverriddenWithinItsLimits) {
  const Image image = noise({128, 32}, 6);
  EXPECT_EQ(processor(32, 4).process(image).grid, (ImageGrid{1, 4}));
  EXPECT_EQ(processor(32, 4).process(image, 1).grid, (ImageGrid{1, 1}));
  for (const int64_t wrong : {int64_t{0}, int64_t{-1}, int64_t{1} << 40U}) {
    EXPECT_THROW(processor(32, 4).process(image, wrong), Error) << wrong;
  }
}

TEST(ImageProcessor, FramesAreSpreadOverTheVideo) {
  EXPECT_EQ(frame_positions(9, 1), (std::vector<int64_t>{0}));
  EXPECT_EQ(frame_positions(10, 4), (std::vector<int64_t>{0, 3, 6, 9}));
  EXPECT_EQ(frame_positions(2, 4), (std::vector<int64_t>{0, 0, 0, 1}));
  for (int64_t frames = 1; frames < 400; frames += 7) {
    const std::vector<int64_t> positions = frame_positions(frames, 32);
    EXPECT_TRUE(std::is_sorted(positions.begin(), positions.end()));
    EXPECT_EQ(positions.back(), frames - 1);
  }
  EXPECT_THROW(frame_positions(5, 0), Error);
}

TEST(ImageProcessor, FramesOfAVideoAreThoseAtTheirPositions) {
  const TemporaryFolder folder;
  const Path video = make_video(folder.path(), "clip.mp4", kMovingPicture + "-frames:v 10 -pix_fmt yuv420p");
  std::vector<Image> all;
  const auto reader = open_video(video);
  while (const DecodedFrame* frame = reader->next()) {
    Planes planes;
    scale_planes(*frame, display_size(*frame), planes);
    planes_to_rgb(planes, all.emplace_back());
  }
  ASSERT_EQ(all.size(), 10U);
  for (const int64_t wanted : {1, 4, 10, 14}) {
    const std::vector<Image> frames = read_frames(video, wanted);
    const std::vector<int64_t> positions = frame_positions(10, wanted);
    ASSERT_EQ(frames.size(), positions.size());
    for (size_t k = 0; k < frames.size(); ++k) {
      EXPECT_EQ(frames[k].pixels, all[static_cast<size_t>(positions[k])].pixels) << k << " of " << wanted;
    }
  }
}

const char* const kPublished =
    R"({"anyres_strategy": "crop", "auto_map": {"AutoProcessor": "processing_magma.MagmaProcessor"},
  "base_img_size": 512, "do_convert_rgb": true, "image_mean": [0.48145466, 0.4578275, 0.40821073],
  "image_std": [0.26862954, 0.26130258, 0.27577711], "image_processor_type": "MagmaImageProcessor", "num_crops": 4,
  "processor_class": "MagmaProcessor"})";

// The published file with one value changed; the error's code and place, or "read".
std::string verdict(const std::string& pointer, const nlohmann::json& value) {
  nlohmann::json root = nlohmann::json::parse(kPublished);
  root[nlohmann::json::json_pointer(pointer)] = value;
  try {
    parse_image_processor_config(root, "preprocessor_config.json");
    return "read";
  } catch (const Error& error) {
    return std::string(error_code_name(error.code())) + " " + error.fields().where;
  }
}

TEST(ImageProcessorConfig, ReadsThePublishedFile) {
  const auto config = parse_image_processor_config(nlohmann::json::parse(kPublished), "preprocessor_config.json");
  EXPECT_EQ(config.base_img_size, 512);
  EXPECT_EQ(config.num_crops, 4);
  EXPECT_EQ(config.anyres_strategy, "crop");
  EXPECT_EQ(config.image_mean[2], 0.40821073F);
  EXPECT_EQ(config.image_std[0], 0.26862954F);
}

TEST(ImageProcessorConfig, EveryNumberHasItsRange) {
  struct Case {
    std::string pointer;
    nlohmann::json least, most, below, above;
  };
  const std::vector<Case> cases = {{"/base_img_size", 32, 4096, 0, 4128},
                                   {"/num_crops", 1, 256, 0, 257},
                                   {"/image_mean/1", -10.0, 10.0, -10.5, 10.5},
                                   {"/image_std/2", 0.001, 10.0, 0.0, 10.5}};
  for (const Case& one : cases) {
    EXPECT_EQ(verdict(one.pointer, one.least), "read") << one.pointer;
    EXPECT_EQ(verdict(one.pointer, one.below), "malformed " + one.pointer);
    EXPECT_EQ(verdict(one.pointer, one.above), "malformed " + one.pointer);
    for (const nlohmann::json& wrong : {nlohmann::json("4"), nlohmann::json(true), nlohmann::json::object()}) {
      EXPECT_EQ(verdict(one.pointer, wrong), "malformed " + one.pointer) << wrong;
    }
  }
  EXPECT_EQ(verdict("/num_crops", 256), "read");
  EXPECT_EQ(verdict("/base_img_size", 4096), "read");
  EXPECT_EQ(verdict("/base_img_size", 500), "malformed /base_img_size");
  nlohmann::json large = nlohmann::json::parse(kPublished);
  large["base_img_size"] = 4096;
  large["num_crops"] = 5;
  EXPECT_THROW(parse_image_processor_config(large, "f"), Error);
}

TEST(ImageProcessorConfig, WhatWeDoNotDoIsRefused) {
  EXPECT_EQ(verdict("/anyres_strategy", "global"), "read");
  EXPECT_EQ(verdict("/anyres_strategy", "pad"), "refused /anyres_strategy");
  EXPECT_EQ(verdict("/do_convert_rgb", false), "refused /do_convert_rgb");
  EXPECT_EQ(verdict("/do_normalize", false), "refused /do_normalize");
  EXPECT_EQ(verdict("/rescale_factor", 1.0), "refused /rescale_factor");
  EXPECT_EQ(verdict("/rescale_factor", 0.00392156862745098), "read");
  EXPECT_EQ(verdict("/image_processor_type", "CLIPImageProcessor"), "refused /image_processor_type");
}

TEST(ImageProcessorConfig, KeysThatAreMissingOrMisspelledAreErrors) {
  for (const char* key : {"base_img_size", "num_crops", "image_mean", "image_std"}) {
    nlohmann::json root = nlohmann::json::parse(kPublished);
    root.erase(key);
    EXPECT_THROW(parse_image_processor_config(root, "f"), Error) << key;
  }
  EXPECT_EQ(verdict("/nun_crops", 2), "malformed /nun_crops");
  EXPECT_EQ(verdict("/image_mean", nlohmann::json::array({0.5, 0.5})), "malformed /image_mean");
}

}  // namespace
}  // namespace magma
