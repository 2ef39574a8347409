// Shots: where one picture gives way to another. Source: som_tom.md 4.1.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "magma/core/registry.h"
#include "magma/image/planes.h"

namespace magma {

struct ShotDetectorOptions {
  double threshold = 27;
  int64_t min_frames = 15;
};

// Cuts become known some frames late (merge window): push() returns those that are certain now.
class ShotDetector {
 public:
  static constexpr const char* kKind = "shot detector";
  virtual ~ShotDetector() = default;
  virtual Size sample_size(Size source) const = 0;              // the size push() wants
  virtual std::vector<int64_t> push(const Planes& sample) = 0;  // first frames of new shots
  virtual std::vector<int64_t> finish() = 0;
  virtual int64_t settled() const = 0;  // no cut will be reported before this frame any more
  virtual double score() const = 0;     // of the frame last pushed
};

using ShotDetectors = Registry<ShotDetector, const ShotDetectorOptions&>;  // content (guarded), content_strict, none

}  // namespace magma
