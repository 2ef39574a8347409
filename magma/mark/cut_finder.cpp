#include "magma/mark/cut_finder.h"

#include <utility>

namespace magma {

CutFinder::CutFinder(std::string detector, const ShotDetectorOptions& options)
    : name_(std::move(detector)), options_(options), detector_(ShotDetectors::make(name_, options_)) {}

std::vector<int64_t> CutFinder::push(const DecodedFrame& frame, int64_t index) {
  std::vector<int64_t> cuts;
  const Size size = display_size(frame);
  if (first_ < 0) first_ = index;
  if (index > first_ && !(size == size_)) {
    cuts = finish();
    cuts.push_back(index);
    first_ = index;
    detector_ = ShotDetectors::make(name_, options_);
  }
  size_ = size;
  sample_planes(frame, detector_->sample_size(size), sample_);
  for (const int64_t cut : detector_->push(sample_)) cuts.push_back(first_ + cut);
  return cuts;
}

std::vector<int64_t> CutFinder::finish() {
  std::vector<int64_t> cuts = detector_->finish();
  for (int64_t& cut : cuts) cut += first_;
  return cuts;
}

}  // namespace magma
