#include "magma/image/color_jitter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace magma {
namespace {

constexpr float kCropSide = 0.948683298F;  // sqrt(0.9)
constexpr double kBrightness = 0.2, kLeast = 0.8, kMost = 1.2, kHue = 0.05;

using Pixel = std::array<float, 3>;

struct FloatImage {
  int w = 0, h = 0;
  std::vector<Pixel> pixels;
  const Pixel& at(int x, int y) const {
    return pixels[static_cast<size_t>(y) * static_cast<size_t>(w) + static_cast<size_t>(x)];
  }
};

FloatImage to_float(const Image& image) {
  FloatImage result{.w = image.size.w, .h = image.size.h, .pixels = {}};
  result.pixels.resize(image.pixels.size() / 3);
  for (size_t i = 0; i < image.pixels.size(); ++i)
    result.pixels[i / 3][i % 3] = static_cast<float>(image.pixels[i]) / 255.0F;
  return result;
}

// A square of the relative side kCropSide at relative `offset` from left and top, back to the full size; samples at the
// ends coincide, as tf.image.crop_and_resize has it.
FloatImage cropped(const FloatImage& image, float offset) {
  FloatImage result{.w = image.w, .h = image.h, .pixels = {}};
  result.pixels.reserve(image.pixels.size());
  const auto w = static_cast<float>(image.w - 1), h = static_cast<float>(image.h - 1);
  for (int y = 0; y < image.h; ++y) {
    const float v = image.h > 1 ? offset * h + static_cast<float>(y) * kCropSide : 0;
    const int top = std::clamp(static_cast<int>(v), 0, image.h - 1), bottom = std::min(top + 1, image.h - 1);
    const float down = v - static_cast<float>(top);
    for (int x = 0; x < image.w; ++x) {
      const float u = image.w > 1 ? offset * w + static_cast<float>(x) * kCropSide : 0;
      const int left = std::clamp(static_cast<int>(u), 0, image.w - 1), right = std::min(left + 1, image.w - 1);
      const float across = u - static_cast<float>(left);
      Pixel& out = result.pixels.emplace_back();
      for (size_t c = 0; c < 3; ++c) {
        const float above = image.at(left, top)[c] + (image.at(right, top)[c] - image.at(left, top)[c]) * across;
        const float below =
            image.at(left, bottom)[c] + (image.at(right, bottom)[c] - image.at(left, bottom)[c]) * across;
        out[c] = above + (below - above) * down;
      }
    }
  }
  return result;
}

void keep_in_range(FloatImage& image) {
  for (Pixel& pixel : image.pixels) {
    for (float& value : pixel) value = std::clamp(value, 0.0F, 1.0F);
  }
}

void change_contrast(FloatImage& image, float factor) {
  std::array<double, 3> mean{};
  for (const Pixel& pixel : image.pixels) {
    for (size_t c = 0; c < 3; ++c) mean[c] += pixel[c];
  }
  for (double& value : mean) value /= static_cast<double>(image.pixels.size());
  for (Pixel& pixel : image.pixels) {
    for (size_t c = 0; c < 3; ++c)
      pixel[c] = (pixel[c] - static_cast<float>(mean[c])) * factor + static_cast<float>(mean[c]);
  }
}

// Hue in 0 .. 1, saturation, value.
Pixel to_hsv(const Pixel& rgb) {
  const float most = std::max({rgb[0], rgb[1], rgb[2]}), least = std::min({rgb[0], rgb[1], rgb[2]});
  const float range = most - least;
  if (range <= 0) return {0, 0, most};
  float hue = (rgb[0] - rgb[1]) / range + 4;
  if (most == rgb[1]) hue = (rgb[2] - rgb[0]) / range + 2;
  if (most == rgb[0]) hue = (rgb[1] - rgb[2]) / range;
  hue /= 6;
  return {hue < 0 ? hue + 1 : hue, range / most, most};
}

Pixel to_rgb(const Pixel& hsv) {
  const float chroma = hsv[1] * hsv[2], least = hsv[2] - chroma;
  const auto part = [&](float shift) {
    const float at = std::fmod(hsv[0] * 6 + shift, 6.0F);
    return least + chroma * std::clamp(std::min(at, 4 - at), 0.0F, 1.0F);
  };
  return {part(2), part(0), part(4)};
}

}  // namespace

Image jittered(const Image& image, Rng& rng) {
  FloatImage work = cropped(to_float(image), static_cast<float>(rng.uniform(0, 1.0 - kCropSide)));
  keep_in_range(work);
  const auto brightness = static_cast<float>(rng.uniform(-kBrightness, kBrightness));
  for (Pixel& pixel : work.pixels) {
    for (float& value : pixel) value += brightness;
  }
  keep_in_range(work);
  change_contrast(work, static_cast<float>(rng.uniform(kLeast, kMost)));
  keep_in_range(work);
  const auto saturation = static_cast<float>(rng.uniform(kLeast, kMost));
  const auto hue = static_cast<float>(rng.uniform(-kHue, kHue));
  for (Pixel& pixel : work.pixels) {
    Pixel hsv = to_hsv(pixel);
    hsv[1] = std::clamp(hsv[1] * saturation, 0.0F, 1.0F);
    hsv[0] += hue;
    hsv[0] -= std::floor(hsv[0]);
    pixel = to_rgb(hsv);
  }
  keep_in_range(work);
  Image result(image.size);
  for (size_t i = 0; i < result.pixels.size(); ++i) {
    result.pixels[i] = static_cast<uint8_t>(std::lround(work.pixels[i / 3][i % 3] * 255.0F));
  }
  return result;
}

}  // namespace magma
