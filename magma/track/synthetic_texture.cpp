#include "magma/track/synthetic_texture.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace magma {
namespace {

constexpr double kDeviation = 30;                    // of the noise, levels
constexpr double kFlatDeviation = 1.2;               // the same on the nearly flat squares
constexpr double kOctaveFactor = 0.9;                // amplitude of an octave to that of the next coarser
constexpr int kFinestCell = 4, kCoarsestCell = 256;  // px
constexpr int kBorder = 3;                           // px around a shape, so that its soft edge fits

cv::Scalar random_colour(Rng& rng) {
  return cv::Scalar{rng.uniform(45, 210), rng.uniform(45, 210), rng.uniform(45, 210)};
}

// A field of deviation 1 whose detail has the size of a cell, cut at a random place.
cv::Mat noise_octave(Rng& rng, Size size, int cell) {
  cv::Mat coarse(size.h / cell + 3, size.w / cell + 3, CV_32FC3);
  for (int y = 0; y < coarse.rows; ++y) {
    float* row = coarse.ptr<float>(y);
    for (int x = 0; x < coarse.cols * 3; ++x) row[x] = static_cast<float>(rng.normal());
  }
  // Most of natural colour is shared by the channels.
  cv::transform(coarse, coarse, cv::Matx33f(0.8F, 0.2F, 0.2F, 0.2F, 0.8F, 0.2F, 0.2F, 0.2F, 0.8F));
  cv::Mat fine;
  cv::resize(coarse, fine, {}, cell, cell, cv::INTER_CUBIC);
  const int x = static_cast<int>(rng.integer(0, cell)), y = static_cast<int>(rng.integer(0, cell));
  return fine(cv::Rect(x, y, size.w, size.h)).clone();
}

cv::Mat noise_field(Rng& rng, Size size, cv::Scalar mean, double deviation) {
  cv::Mat sum = cv::Mat::zeros(size.h, size.w, CV_32FC3);
  double amplitude = 1;
  for (int cell = kCoarsestCell; cell >= kFinestCell; cell /= 2) {
    sum += amplitude * noise_octave(rng, size, cell);
    amplitude *= kOctaveFactor;
  }
  cv::Scalar centre, spread;
  cv::meanStdDev(sum, centre, spread);
  const double scale = 3 * deviation / std::max(1e-6, spread[0] + spread[1] + spread[2]);
  sum = (sum - centre) * scale + mean;
  cv::Mat texture;
  sum.convertTo(texture, CV_8UC3);
  return texture;
}

cv::Point random_place(Rng& rng, const cv::Mat& texture) {
  const int x = static_cast<int>(rng.integer(0, texture.cols - 1));
  return {x, static_cast<int>(rng.integer(0, texture.rows - 1))};
}

void draw_drawing(Rng& rng, cv::Mat& texture) {
  const cv::Point place = random_place(rng, texture);
  const cv::Scalar colour = random_colour(rng);
  const int64_t kind = rng.integer(0, 2);
  if (kind == 0) {
    cv::circle(texture, place, static_cast<int>(rng.integer(3, 22)), colour, cv::FILLED, cv::LINE_AA);
  } else if (kind == 1) {
    const double angle = rng.uniform(0, CV_2PI), length = rng.uniform(20, 120);
    const cv::Point end = place + cv::Point(cvRound(length * std::cos(angle)), cvRound(length * std::sin(angle)));
    cv::line(texture, place, end, colour, static_cast<int>(rng.integer(1, 5)), cv::LINE_AA);
  } else {
    const double scale = rng.uniform(0.6, 2.2);
    const std::string number = std::to_string(rng.integer(0, 99));
    const int thickness = static_cast<int>(rng.integer(1, 4));
    cv::putText(texture, number, place, cv::FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv::LINE_AA);
  }
}

// Nearly flat: what little it shows is too weak to be followed.
void draw_flat_square(Rng& rng, cv::Mat& texture, cv::Point centre) {
  const int half = static_cast<int>(rng.integer(25, 45));
  const cv::Rect place =
      cv::Rect(centre.x - half, centre.y - half, 2 * half, 2 * half) & cv::Rect(0, 0, texture.cols, texture.rows);
  noise_field(rng, {place.width, place.height}, random_colour(rng), kFlatDeviation).copyTo(texture(place));
}

Texture with_alpha(const cv::Mat& rgb, Shape shape) {
  Texture texture{{rgb.cols, rgb.rows}, shape, {}};
  texture.rgba.resize(rgb.total() * 4);
  size_t out = 0;
  for (int y = 0; y < rgb.rows; ++y) {
    const uint8_t* row = rgb.ptr<uint8_t>(y);
    for (int x = 0; x < rgb.cols; ++x, out += 4) {
      std::copy_n(row + 3 * x, 3, texture.rgba.begin() + static_cast<std::ptrdiff_t>(out));
      const double alpha = shape.coverage(x - (rgb.cols - 1) / 2.0, y - (rgb.rows - 1) / 2.0);
      texture.rgba[out + 3] = cv::saturate_cast<uint8_t>(255 * alpha);
    }
  }
  return texture;
}

}  // namespace

bool Shape::contains(double x, double y) const { return coverage(x, y) > 0.5; }

double Shape::coverage(double x, double y) const {
  if (kind == Kind::Everything) return 1;
  double outside = std::max(std::abs(x) - half_w, std::abs(y) - half_h);  // px beyond the edge
  if (kind == Kind::Ellipse) {
    const double nx = x / half_w, ny = y / half_h;
    const double radius = std::sqrt(nx * nx + ny * ny);
    const double slope = std::sqrt(nx * nx / (half_w * half_w) + ny * ny / (half_h * half_h));
    outside = radius == 0 ? -half_w : (radius - 1) * radius / slope;
  }
  return std::clamp(0.5 - outside, 0.0, 1.0);
}

Texture make_background(Rng& rng, int side) {
  const cv::Scalar mean{rng.uniform(95, 150), rng.uniform(95, 150), rng.uniform(95, 150)};
  cv::Mat texture = noise_field(rng, {side, side}, mean, kDeviation);
  const int drawings = side * side / 12000;
  for (int i = 0; i < drawings; ++i) draw_drawing(rng, texture);
  // In the middle part, where the camera looks.
  for (int i = 0; i < 3; ++i) {
    const int x = static_cast<int>(rng.uniform(0.32, 0.68) * side), y = static_cast<int>(rng.uniform(0.4, 0.6) * side);
    draw_flat_square(rng, texture, {x, y});
  }
  return with_alpha(texture, Shape{});
}

Texture make_patch(Rng& rng, Shape shape) {
  const Size size = {2 * (static_cast<int>(std::ceil(shape.half_w)) + kBorder),
                     2 * (static_cast<int>(std::ceil(shape.half_h)) + kBorder)};
  cv::Mat texture = noise_field(rng, size, random_colour(rng), kDeviation);
  const int drawings = 2 + size.w * size.h / 5000;
  for (int i = 0; i < drawings; ++i) draw_drawing(rng, texture);
  return with_alpha(texture, shape);
}

}  // namespace magma
