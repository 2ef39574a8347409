// content: the reference's content score, guarded against what is no change of scene: exposure changes, flashes, fades
// and fast pans. A candidate counts when no frame just before it shows what a frame just after it shows.
#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>

#include "magma/mark/content_score.h"
#include "magma/mark/frame_structure.h"
#include "magma/mark/shot_detector.h"

namespace magma {
namespace {

constexpr int64_t kBefore = 4, kAfter = 4;  // frames compared: a flash of up to three frames is bridged
constexpr double kSameScene = 0.5;          // similarity of structure
constexpr double kContinuity = 0.15;        // by which neighbours inside a shot are more alike than across a cut
constexpr double kIsolated = 2;             // change over the frames beside it
constexpr double kLeastChange = 4;          // grey levels: hue and saturation of near black say nothing

double mean_difference(const GreyImage& a, const GreyImage& b) {
  int64_t sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(static_cast<int>(a.pixels[i]) - b.pixels[i]);
  return static_cast<double>(sum) / static_cast<double>(a.pixels.size());
}

class GuardedContentDetector : public ShotDetector {
 public:
  static constexpr const char* kSummary = "content score that ignores exposure changes, flashes, fades and fast pans";
  explicit GuardedContentDetector(const ShotDetectorOptions& options)
      : threshold_(options.threshold), filter_(options.min_frames) {}

  Size sample_size(Size source) const override { return content_sample_size(source); }

  std::vector<int64_t> push(const Planes& sample) override {
    score_ = content_.push(sample);
    const double change = frames_ == 0 ? 0 : mean_difference(sample.luma, recent_.back().luma);
    recent_.push_back({score_ >= threshold_, change, sample.luma, std::nullopt});
    ++frames_;
    std::vector<int64_t> cuts;
    if (frames_ - decided_ >= kAfter) decide(cuts);
    return cuts;
  }

  std::vector<int64_t> finish() override {
    std::vector<int64_t> cuts;
    while (decided_ < frames_) decide(cuts);
    return cuts;
  }

  int64_t settled() const override { return filter_.settled(); }
  double score() const override { return score_; }

 private:
  struct Seen {
    bool above;
    double change;  // mean absolute luma difference to the frame before
    GreyImage luma;
    std::optional<FrameStructure> structure;  // made for candidates and their neighbours only
  };

  const FrameStructure& structure(size_t n) {
    Seen& seen = recent_[n];
    if (!seen.structure) seen.structure.emplace(seen.luma);
    return *seen.structure;
  }

  // Rules on the oldest frame that is undecided, now that the frames after it are known.
  void decide(std::vector<int64_t>& cuts) {
    const size_t n = recent_.size() - static_cast<size_t>(frames_ - decided_);
    if (const std::optional<int64_t> cut = filter_.push(is_cut(n))) cuts.push_back(*cut);
    ++decided_;
    if (n >= kBefore) recent_.pop_front();
  }

  bool is_cut(size_t n) {
    if (n == 0 || !recent_[n].above || recent_[n].change < kLeastChange || scene_goes_on(n)) return false;
    const bool plain = structure(n - 1).flat() || structure(n).flat();
    return is_isolated(n) || (!plain && is_single_break(n));
  }

  bool scene_goes_on(size_t n) {
    const size_t end = std::min(recent_.size(), n + kAfter);
    for (size_t after = n; after < end; ++after) {
      for (size_t back = 1; back <= std::min<size_t>(n, kBefore); ++back) {
        if (similarity(structure(n - back), structure(after)) >= kSameScene) return true;
      }
    }
    return false;
  }

  // A step far above those beside it; a fade is made of equal steps.
  bool is_isolated(size_t n) const {
    const double before = recent_[n - 1].change;
    const double after = n + 1 < recent_.size() ? recent_[n + 1].change : 0;
    return recent_[n].change >= kIsolated * std::max(before, after);
  }

  // Structure holds on both sides and breaks here only; in a pan too fast to follow it breaks everywhere.
  bool is_single_break(size_t n) {
    const double across = similarity(structure(n - 1), structure(n));
    const double before = n >= 2 ? similarity(structure(n - 2), structure(n - 1)) : 1;
    const double after = n + 1 < recent_.size() ? similarity(structure(n), structure(n + 1)) : 1;
    return std::min(before, after) >= across + kContinuity;
  }

  double threshold_;
  ContentScore content_;
  MergeFilter filter_;
  std::deque<Seen> recent_;  // decided ones for comparison, then the undecided
  int64_t frames_ = 0, decided_ = 0;
  double score_ = 0;
};

MAGMA_REGISTER(ShotDetectors, GuardedContentDetector);

}  // namespace
}  // namespace magma
