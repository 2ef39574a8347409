// ImageProcessor: a picture to the crops that the vision tower takes. Grid of crops by aspect, normalised, then resized
// bilinearly without antialiasing; nothing is padded, the aspect is not kept. Source: model.md 1.2 to 1.6.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "magma/image/image.h"
#include "magma/image/image_processor_config.h"

namespace magma {

struct ImageGrid {
  int64_t rows = 1, cols = 1;
  friend bool operator==(ImageGrid a, ImageGrid b) { return a.rows == b.rows && a.cols == b.cols; }
};

// The canvas of at most `num_crops` squares of `base` px that keeps most of the picture and wastes least.
ImageGrid choose_grid(Size picture, int64_t num_crops, int64_t base);

struct ImageCrops {
  Size picture;               // px, as given
  ImageGrid grid;             // of the crops
  int64_t base = 0;           // side of a crop, px
  std::vector<float> values;  // [rows * cols, 3, base, base], row-major over the grid, R G B
  Size canvas() const { return {static_cast<int>(grid.cols * base), static_cast<int>(grid.rows * base)}; }
};

class ImageProcessor {
 public:
  explicit ImageProcessor(const ImageProcessorConfig& config);

  const ImageProcessorConfig& config() const { return config_; }
  // `num_crops` overrides the configuration's: 1 for frames of video and for robots. `threads` never changes a value.
  // Error(Usage) when it is below 1 or above the configuration's limits.
  ImageCrops process(const Image& image, std::optional<int64_t> num_crops = {}, int threads = 1) const;

 private:
  ImageProcessorConfig config_;
  std::array<std::array<float, 256>, 3> normalised_{};  // of each 8-bit value, by channel
};

// Frames k * (n - 1) / (wanted - 1) of n, rounded down, k = 0 .. wanted - 1: one per frame that is wanted, repeated
// where the video has fewer.
std::vector<int64_t> frame_positions(int64_t frames, int64_t wanted);

// Those frames of a video, upright. The video is decoded once to count its frames, then again up to the last one.
std::vector<Image> read_frames(const Path& video, int64_t wanted, int threads = 1);

}  // namespace magma
