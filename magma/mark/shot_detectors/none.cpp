// none: the whole video is one shot.
#include "magma/mark/shot_detector.h"

namespace magma {
namespace {

class NoShotDetector : public ShotDetector {
 public:
  static constexpr const char* kSummary = "no detection: the whole video is one shot";
  explicit NoShotDetector(const ShotDetectorOptions&) {}

  Size sample_size(Size) const override { return {1, 1}; }
  std::vector<int64_t> push(const Planes&) override {
    ++frames_;
    return {};
  }
  std::vector<int64_t> finish() override { return {}; }
  int64_t settled() const override { return frames_; }
  double score() const override { return 0; }

 private:
  int64_t frames_ = 0;
};

MAGMA_REGISTER(ShotDetectors, NoShotDetector);

}  // namespace
}  // namespace magma
