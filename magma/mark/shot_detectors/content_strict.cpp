// content_strict: the reference's content detector to the letter. Source: som_tom.md 4.1, rules 1 to 6.
#include "magma/mark/content_score.h"
#include "magma/mark/shot_detector.h"

namespace magma {
namespace {

class StrictContentDetector : public ShotDetector {
 public:
  static constexpr const char* kSummary = "the reference's content detector to the letter: flashes and pans cut too";
  explicit StrictContentDetector(const ShotDetectorOptions& options)
      : threshold_(options.threshold), filter_(options.min_frames) {}

  Size sample_size(Size source) const override { return content_sample_size(source); }

  std::vector<int64_t> push(const Planes& sample) override {
    score_ = content_.push(sample);
    const std::optional<int64_t> cut = filter_.push(score_ >= threshold_);
    return cut ? std::vector<int64_t>{*cut} : std::vector<int64_t>{};
  }

  std::vector<int64_t> finish() override { return {}; }  // a merge that is open at the end is never reported
  int64_t settled() const override { return filter_.settled(); }
  double score() const override { return score_; }

 private:
  double threshold_;
  ContentScore content_;
  MergeFilter filter_;
  double score_ = 0;
};

MAGMA_REGISTER(ShotDetectors, StrictContentDetector);

}  // namespace
}  // namespace magma
