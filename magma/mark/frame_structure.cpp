#include "magma/mark/frame_structure.h"

#include <algorithm>
#include <cmath>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "magma/core/check.h"
#include "magma/image/planes.h"

namespace magma {
namespace {

constexpr int kLongerSide = 64;
constexpr double kNeighbourhoodSigma = 4;  // px of the small picture
constexpr double kUnitsPerGrey = 2;
constexpr double kFlatRms = 1.2;  // grey levels: what noise and rounding leave of a plain picture

double root_mean_square(double energy, double count) { return std::sqrt(energy / count) / kUnitsPerGrey; }

struct Window {
  int x, y, w, h;
};

Window centre_half(Size size) {
  const int w = std::max(1, size.w / 2), h = std::max(1, size.h / 2);
  return {(size.w - w) / 2, (size.h - h) / 2, w, h};
}

struct Products {
  int64_t a_b = 0, a_a = 0;
};

// Sums over `window` of b and the window of a that lies (dx, dy) beside it.
Products products(const int16_t* a, const int16_t* b, int stride, Window window) {
  Products sums;
  for (int y = 0; y < window.h; ++y) {
    int32_t a_b = 0, a_a = 0;
    for (int x = 0; x < window.w; ++x) {
      const int32_t p = a[y * stride + x], q = b[y * stride + x];
      a_b += p * q;
      a_a += p * p;
    }
    sums.a_b += a_b;
    sums.a_a += a_a;
  }
  return sums;
}

}  // namespace

FrameStructure::FrameStructure(const GreyImage& luma) : size_(fit_size(luma.size, kLongerSide)) {
  const cv::Mat source(luma.size.h, luma.size.w, CV_8UC1, const_cast<uint8_t*>(luma.pixels.data()));
  cv::Mat small, neighbourhood;
  cv::resize(source, small, {size_.w, size_.h}, 0, 0, cv::INTER_AREA);
  small.convertTo(small, CV_32F);
  cv::GaussianBlur(small, neighbourhood, {0, 0}, kNeighbourhoodSigma);
  double energy = 0;
  for (int y = 0; y < size_.h; ++y) {
    for (int x = 0; x < size_.w; ++x) {
      const double detail = (small.at<float>(y, x) - neighbourhood.at<float>(y, x)) * kUnitsPerGrey;
      detail_.push_back(static_cast<int16_t>(std::lround(detail)));
      energy += detail * detail;
    }
  }
  flat_ = root_mean_square(energy, static_cast<double>(detail_.size())) < kFlatRms;
}

double similarity(const FrameStructure& a, const FrameStructure& b) {
  MAGMA_CHECK(a.size_ == b.size_, "structures of {} x {} and {} x {}", a.size_.w, a.size_.h, b.size_.w, b.size_.h);
  if (a.flat_ || b.flat_) return a.flat_ && b.flat_ ? 1 : 0;
  const int stride = a.size_.w;
  const Window window = centre_half(a.size_);
  const int16_t* centre = b.detail_.data() + window.y * stride + window.x;
  const double floor = static_cast<double>(window.w) * window.h * kFlatRms * kFlatRms * kUnitsPerGrey * kUnitsPerGrey;
  const double b_b = std::max(floor, static_cast<double>(products(centre, centre, stride, window).a_a));
  double best = -1;
  for (int y = 0; y + window.h <= a.size_.h; ++y) {
    for (int x = 0; x + window.w <= a.size_.w; ++x) {
      const Products sums = products(a.detail_.data() + y * stride + x, centre, stride, window);
      best = std::max(best,
                      static_cast<double>(sums.a_b) / std::sqrt(std::max(floor, static_cast<double>(sums.a_a)) * b_b));
    }
  }
  return best;
}

}  // namespace magma
