#include "magma/mark/content_score.h"

#include <algorithm>
#include <cmath>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "magma/core/check.h"
#include "magma/core/simd.h"

namespace magma {
namespace {

constexpr int kLongerSide = 256;

int scaled_side(int side, double factor) {
  // nearbyint: halves go to the even neighbour, as in the definition's language.
  return std::max(1, static_cast<int>(std::nearbyint(side / factor)));
}

MAGMA_CPU_CLONES int64_t absolute_differences(const uint8_t* a, const uint8_t* b, size_t count) {
  int64_t total = 0;
  constexpr size_t kBlock = 1 << 20;  // its sum fits 32 bits
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t end = std::min(begin + kBlock, count);
    int sum = 0;
    for (size_t i = begin; i < end; ++i) sum += std::abs(int{a[i]} - int{b[i]});
    total += sum;
  }
  return total;
}

}  // namespace

Size content_sample_size(Size source) {
  const int longer = std::max(source.w, source.h);
  if (longer < kLongerSide) return source;
  const double factor = static_cast<double>(longer) / kLongerSide;
  return {scaled_side(source.w, factor), scaled_side(source.h, factor)};
}

double ContentScore::push(const Planes& sample) {
  planes_to_rgb(sample, rgb_);
  std::swap(hsv_, previous_);
  hsv_.resize(rgb_.pixels.size());
  const cv::Mat rgb(rgb_.size.h, rgb_.size.w, CV_8UC3, rgb_.pixels.data());
  cv::Mat hsv(rgb_.size.h, rgb_.size.w, CV_8UC3, hsv_.data());
  cv::cvtColor(rgb, hsv, cv::COLOR_RGB2HSV);
  if (previous_.empty()) return 0;
  MAGMA_CHECK(previous_.size() == hsv_.size(), "the sample size changed to {} x {}", rgb_.size.w, rgb_.size.h);
  return static_cast<double>(absolute_differences(hsv_.data(), previous_.data(), hsv_.size())) /
         static_cast<double>(hsv_.size());
}

std::optional<int64_t> MergeFilter::push(bool above) {
  const int64_t n = frames_++;
  const bool long_enough = n - last_above_ >= min_frames_;
  if (above) last_above_ = n;
  if (merging_) {
    if (above || !long_enough || last_above_ - merge_start_ < min_frames_) return std::nullopt;
    merging_ = false;
    return last_above_;
  }
  if (!above) return std::nullopt;
  if (long_enough) {
    enabled_ = true;
    return n;
  }
  if (enabled_) {
    merging_ = true;
    merge_start_ = n;
  }
  return std::nullopt;
}

int64_t MergeFilter::settled() const {
  const bool pending = merging_ && last_above_ - merge_start_ >= min_frames_;
  return pending ? last_above_ : frames_;
}

}  // namespace magma
