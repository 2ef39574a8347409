// ShotSource: decodes an item once; each step carries a frame at the tracking size and what is known of the cuts.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "magma/mark/clip_pipeline.h"
#include "magma/mark/cut_finder.h"
#include "magma/mark/frame_buffer.h"

namespace magma {

struct ShotStep {
  std::optional<VideoFrame> frame;  // none in the last step, which ends the item
  std::vector<int64_t> cuts;        // first frames of new shots; a change of size is one
  int64_t settled = 0;              // no cut will be reported before this frame any more
};

class ShotSource {
 public:
  ShotSource(std::unique_ptr<VideoReader> reader, const PipelineItem& item, const MarkConfig& config, PlanesPool& pool);
  std::optional<ShotStep> next();  // nullopt after the last step
  int64_t damaged_frames() const { return reader_->damaged_frames(); }
  const std::map<std::string, double>& seconds() const { return seconds_; }

 private:
  ShotStep step(const DecodedFrame& decoded);
  ShotStep last_step();
  [[noreturn]] void fail_empty() const;

  std::unique_ptr<VideoReader> reader_;
  const PipelineItem& item_;
  CutFinder finder_;
  int track_width_;
  PlanesPool& pool_;
  int64_t end_ = -1;  // after the frame last decoded; -1: none yet
  bool ended_ = false;
  std::map<std::string, double> seconds_;
};

// Runs a ShotSource in a thread of its own, a few frames ahead. The same steps in the same order.
class AheadSource {
 public:
  AheadSource(ShotSource& source, size_t queue);
  AheadSource(const AheadSource&) = delete;
  AheadSource& operator=(const AheadSource&) = delete;
  ~AheadSource();
  std::optional<ShotStep> next();  // rethrows what the source threw

 private:
  void run();
  bool put(ShotStep&& step);  // false when nobody waits for steps any more

  ShotSource& source_;
  size_t capacity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ShotStep> queue_;
  bool done_ = false, stopping_ = false;
  std::future<void> thread_;
};

}  // namespace magma
