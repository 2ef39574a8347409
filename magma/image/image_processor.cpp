#include "magma/image/image_processor.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/core/thread_pool.h"
#include "magma/image/video_reader.h"

namespace magma {
namespace {

constexpr int64_t kMostPixels = int64_t{1} << 26;  // of all crops of one picture
constexpr int64_t kMostFrames = 1024;              // of one video

// Where a sample of the canvas lies in the picture, along one axis: (1 - part) of `low`, part of `high`.
struct Sample {
  int64_t low = 0, high = 0;
  float keep = 1, part = 0;
};

// Half-pixel centres in f32, product and difference rounded once, as torch computes them on every processor with AVX2:
// in a picture 3,000 px long a second rounding moves values by 4e-4.
std::vector<Sample> samples_of(int64_t from, int64_t to) {
  const float ratio = static_cast<float>(from) / static_cast<float>(to);
  std::vector<Sample> samples(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const float at = std::max(0.0F, std::fma(ratio, static_cast<float>(i) + 0.5F, -0.5F));
    const int64_t low = std::min(static_cast<int64_t>(at), from - 1);
    const float part = std::clamp(at - static_cast<float>(low), 0.0F, 1.0F);
    samples[static_cast<size_t>(i)] = {low, std::min(low + 1, from - 1), 1 - part, part};
  }
  return samples;
}

using NormalisedValues = std::array<std::array<float, 256>, 3>;

// Rows of the picture, normalised and as wide as the canvas. The last two are kept: rows of the canvas are asked for
// from top to bottom, and several lie between the same two.
class WideRows {
 public:
  WideRows(const Image& image, const NormalisedValues& normalised, const std::vector<Sample>& across)
      : image_(image), normalised_(normalised), across_(across) {}

  // [3, canvas width]; holds until the call after the next.
  const float* row(int64_t y) {
    for (const Kept& kept : kept_) {
      if (kept.y == y) return kept.values.data();
    }
    Kept& oldest = kept_[0].y < kept_[1].y ? kept_[0] : kept_[1];
    oldest.y = y;
    fill(image_.row(static_cast<int>(y)), oldest.values);
    return oldest.values.data();
  }

 private:
  struct Kept {
    int64_t y = -1;
    std::vector<float> values;
  };

  void fill(const uint8_t* pixels, std::vector<float>& values) {
    const auto w = static_cast<size_t>(image_.size.w), wide = across_.size();
    values.resize(3 * wide);
    narrow_.resize(w);
    for (size_t c = 0; c < 3; ++c) {
      float* out = values.data() + c * wide;
      float* normalised = w == wide ? out : narrow_.data();
      for (size_t x = 0; x < w; ++x) normalised[x] = normalised_[c][pixels[x * 3 + c]];
      if (w == wide) continue;
      for (size_t x = 0; x < wide; ++x) {
        const Sample& at = across_[x];
        out[x] = at.keep * normalised[at.low] + at.part * normalised[at.high];
      }
    }
  }

  const Image& image_;
  const NormalisedValues& normalised_;
  const std::vector<Sample>& across_;
  std::array<Kept, 2> kept_;
  std::vector<float> narrow_;
};

int64_t kept_pixels(Size picture, int64_t W, int64_t H) {
  const auto w = static_cast<double>(picture.w), h = static_cast<double>(picture.h);
  const double scale = std::min(static_cast<double>(W) / w, static_cast<double>(H) / h);
  const auto scaled = static_cast<int64_t>(w * scale) * static_cast<int64_t>(h * scale);
  return std::min(scaled, int64_t{picture.w} * picture.h);
}

[[noreturn]] void out_of_range(const char* where, const std::string& expected, int64_t got) {
  throw Error(ErrorCode::Usage,
              {.where = where, .what = "out of range", .expected = expected, .got = std::to_string(got)});
}

}  // namespace

ImageGrid choose_grid(Size picture, int64_t num_crops, int64_t base) {
  MAGMA_CHECK(picture.w > 0 && picture.h > 0 && num_crops > 0 && base > 0, "{}x{} px in {} crops of {}", picture.w,
              picture.h, num_crops, base);
  ImageGrid best;
  int64_t most_kept = 0, least_waste = 0;
  for (int64_t cols = 1; cols <= num_crops; ++cols) {
    for (int64_t rows = 1; rows <= num_crops / cols; ++rows) {
      const int64_t kept = kept_pixels(picture, cols * base, rows * base);
      const int64_t waste = cols * base * rows * base - kept;
      const bool first = cols == 1 && rows == 1;
      if (!first && (kept < most_kept || (kept == most_kept && waste >= least_waste))) continue;
      best = {rows, cols};
      most_kept = kept;
      least_waste = waste;
    }
  }
  return best;
}

ImageProcessor::ImageProcessor(const ImageProcessorConfig& config) : config_(config) {
  for (size_t c = 0; c < 3; ++c) {
    for (size_t v = 0; v < 256; ++v) {
      normalised_[c][v] = (static_cast<float>(v) / 255.0F - config.image_mean[c]) / config.image_std[c];
    }
  }
}

ImageCrops ImageProcessor::process(const Image& image, std::optional<int64_t> num_crops, int threads) const {
  MAGMA_CHECK(image.pixels.size() == static_cast<size_t>(image.size.w) * static_cast<size_t>(image.size.h) * 3,
              "{} bytes for {}x{} px", image.pixels.size(), image.size.w, image.size.h);
  const int64_t b = config_.base_img_size, most = num_crops.value_or(config_.num_crops);
  if (most < 1 || most > kMostPixels / (b * b)) {
    out_of_range("num_crops", "1 to " + std::to_string(kMostPixels / (b * b)), most);
  }
  ImageCrops result{.picture = image.size, .grid = choose_grid(image.size, most, b), .base = b, .values = {}};
  result.values.resize(static_cast<size_t>(result.grid.rows * result.grid.cols * 3 * b * b));
  const std::vector<Sample> across = samples_of(image.size.w, result.grid.cols * b);
  const std::vector<Sample> down = samples_of(image.size.h, result.grid.rows * b);
  const int64_t wide = result.grid.cols * b;
  parallel_for(threads, result.grid.rows * b, [&](int64_t begin, int64_t end) {
    WideRows rows(image, normalised_, across);
    for (int64_t y = begin; y < end; ++y) {
      const Sample& at = down[static_cast<size_t>(y)];
      const float* upper = rows.row(at.low);
      const float* lower = rows.row(at.high);
      for (int64_t part = 0; part < 3 * result.grid.cols; ++part) {
        const int64_t c = part / result.grid.cols, col = part % result.grid.cols;
        float* out = result.values.data() + (((y / b * result.grid.cols + col) * 3 + c) * b + y % b) * b;
        const float* above = upper + c * wide + col * b;
        const float* below = lower + c * wide + col * b;
        for (int64_t x = 0; x < b; ++x) out[x] = at.keep * above[x] + at.part * below[x];
      }
    }
  });
  return result;
}

std::vector<int64_t> frame_positions(int64_t frames, int64_t wanted) {
  MAGMA_CHECK(frames > 0, "{} frames", frames);
  if (wanted < 1 || wanted > kMostFrames) out_of_range("frames", "1 to " + std::to_string(kMostFrames), wanted);
  std::vector<int64_t> positions(static_cast<size_t>(wanted));
  for (int64_t k = 1; k < wanted; ++k) positions[static_cast<size_t>(k)] = k * (frames - 1) / (wanted - 1);
  return positions;
}

std::vector<Image> read_frames(const Path& video, int64_t wanted, int threads) {
  frame_positions(1, wanted);  // before any work
  const auto reader = open_video(video, {.threads = threads});
  int64_t frames = 0;
  while (reader->next() != nullptr) {
    throw_if_interrupted();
    ++frames;
  }
  std::vector<Image> images;
  Planes planes;
  reader->seek(0);
  int64_t next = 0;
  const DecodedFrame* frame = nullptr;
  for (const int64_t position : frame_positions(frames, wanted)) {
    const bool repeated = next == position + 1;
    for (; next <= position; ++next) {
      throw_if_interrupted();
      frame = reader->next();
      MAGMA_CHECK(frame != nullptr, "frame {} of {} is missing the second time", next, frames);
    }
    if (repeated && !images.empty()) {
      images.push_back(images.back());
      continue;
    }
    scale_planes(*frame, display_size(*frame), planes);
    planes_to_rgb(planes, images.emplace_back());
  }
  return images;
}

}  // namespace magma
