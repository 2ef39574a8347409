// CutFinder: where the shots of a video begin: by a detector and by changes of frame size.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "magma/mark/shot_detector.h"

namespace magma {

class CutFinder {
 public:
  explicit CutFinder(std::string detector, const ShotDetectorOptions& options = {});

  // Frames come one after another, the first with any number. First frames of new shots that are certain now; not
  // sorted and not without repeats: a detector tells late, a change of size at once.
  std::vector<int64_t> push(const DecodedFrame& frame, int64_t index);
  std::vector<int64_t> finish();                                     // those left
  int64_t settled() const { return first_ + detector_->settled(); }  // no cut before this frame any more

 private:
  std::string name_;
  ShotDetectorOptions options_;
  std::unique_ptr<ShotDetector> detector_;
  int64_t first_ = -1;  // frame that the detector counts from; -1: none yet
  Size size_;           // display size of the frame last pushed
  Planes sample_;
};

}  // namespace magma
