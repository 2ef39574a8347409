// The plain Lucas-Kanade chain: frame to frame, no check but OpenCV's own status. It is the baseline that the other
// trackers are measured against, so it stays as simple as it is. Source: som_tom.md 3.1, first lines of 9.
#include <algorithm>
#include <cmath>

#include <opencv2/core.hpp>
#include <opencv2/video/tracking.hpp>

#include "magma/core/check.h"
#include "magma/track/tracker.h"

namespace magma {
namespace {

constexpr int kWindow = 21;
constexpr int kMaxLevel = 4;
constexpr float kStrongEigenvalue = 0.125F;  // sqrt of OpenCV's normalised minimum for a gradient of 4 levels/px

class LucasKanade : public Tracker {
 public:
  static constexpr const char* kSummary = "plain Lucas-Kanade chain, a baseline: a point once lost stays lost";

  explicit LucasKanade(const TrackerOptions&) {}

  std::string version() const override { return "1"; }

  void begin(std::span<const Query> queries, Sink sink) override {
    queries_.assign(queries.begin(), queries.end());
    sink_ = std::move(sink);
    row_ = TrackRow{};
    for (const Query& query : queries_) row_.xy.push_back(query.point);
    row_.visible.assign(queries_.size(), 0);
    row_.confidence.assign(queries_.size(), 0);
    row_.quality.assign(queries_.size(), 0);
    previous_.clear();
    frame_ = 0;
  }

  void push(const Planes& frame) override {
    MAGMA_CHECK(frame_ == 0 || frame.luma.size == size_, "frames of one clip differ in size");
    size_ = frame.luma.size;
    const cv::Mat luma(size_.h, size_.w, CV_8U, const_cast<uint8_t*>(frame.luma.pixels.data()));
    std::vector<cv::Mat> pyramid;
    cv::buildOpticalFlowPyramid(luma, pyramid, {kWindow, kWindow}, kMaxLevel);
    if (frame_ > 0) step(pyramid);
    for (size_t n = 0; n < queries_.size(); ++n) {
      if (queries_[n].frame == frame_) row_.visible[n] = 1;
      row_.confidence[n] = row_.visible[n];
    }
    row_.frame = frame_++;
    sink_(row_);
    previous_ = std::move(pyramid);
  }

  void finish() override {}

 private:
  void step(const std::vector<cv::Mat>& pyramid) {
    std::vector<size_t> live;
    std::vector<cv::Point2f> from, to;
    for (size_t n = 0; n < queries_.size(); ++n) {
      if (row_.visible[n] == 0) continue;
      live.push_back(n);
      from.emplace_back(row_.xy[n].x, row_.xy[n].y);
    }
    if (live.empty()) return;
    std::vector<uint8_t> status;
    std::vector<float> eigenvalue;
    const cv::TermCriteria criteria(cv::TermCriteria::COUNT | cv::TermCriteria::EPS, 30, 0.01);
    cv::calcOpticalFlowPyrLK(previous_, pyramid, from, to, status, eigenvalue, {kWindow, kWindow}, kMaxLevel, criteria,
                             cv::OPTFLOW_LK_GET_MIN_EIGENVALS);
    for (size_t i = 0; i < live.size(); ++i) {
      const Point moved = {to[i].x, to[i].y};
      const size_t n = live[i];
      row_.visible[n] = status[i] != 0 && inside(moved, size_) ? 1 : 0;
      row_.quality[n] = std::min(1.0F, std::sqrt(std::max(0.0F, eigenvalue[i])) / kStrongEigenvalue);
      if (row_.visible[n] != 0) row_.xy[n] = moved;
    }
  }

  std::vector<Query> queries_;
  Sink sink_;
  TrackRow row_;
  std::vector<cv::Mat> previous_;  // keeps its pixels: the pyramid copies the frame with a border
  Size size_;
  int64_t frame_ = 0;
};

MAGMA_REGISTER(Trackers, LucasKanade);

}  // namespace
}  // namespace magma
