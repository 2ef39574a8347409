#include "magma/mark/shot_source.h"

#include <system_error>
#include <utility>

#include <fmt/core.h>

#include "magma/core/clock.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"

namespace magma {

ShotSource::ShotSource(std::unique_ptr<VideoReader> reader, const PipelineItem& item, const MarkConfig& config,
                       PlanesPool& pool)
    : reader_(std::move(reader)),
      item_(item),
      finder_(config.shot_detector),
      track_width_(static_cast<int>(config.track_width)),
      pool_(pool) {
  if (item_.start_s) reader_->seek_seconds(*item_.start_s);
}

std::optional<ShotStep> ShotSource::next() {
  if (ended_) return std::nullopt;
  throw_if_interrupted();
  const Stopwatch watch;
  const DecodedFrame* decoded = reader_->next();
  seconds_["decode"] += watch.seconds();
  if (decoded == nullptr || (item_.end_s && reader_->seconds() >= *item_.end_s)) return last_step();
  return step(*decoded);
}

ShotStep ShotSource::step(const DecodedFrame& decoded) {
  ShotStep step;
  const int64_t index = reader_->index();
  end_ = index + 1;
  const Stopwatch scaling;
  step.frame = scaled_frame(*reader_, decoded, track_width_, pool_.take());
  seconds_["scale"] += scaling.seconds();
  const Stopwatch detecting;
  step.cuts = finder_.push(decoded, index);
  step.settled = finder_.settled();
  seconds_["shots"] += detecting.seconds();
  return step;
}

ShotStep ShotSource::last_step() {
  ended_ = true;
  if (end_ < 0) fail_empty();
  ShotStep step;
  step.cuts = finder_.finish();
  step.cuts.push_back(end_);
  step.settled = end_;
  return step;
}

void ShotSource::fail_empty() const {
  const std::string start = fmt::format("start {} s", item_.start_s.value_or(0));
  throw Error(ErrorCode::Malformed, {.file = item_.video_name,
                                     .where = item_.end_s ? fmt::format("{}, end {} s", start, *item_.end_s) : start,
                                     .what = "no frame of the video lies in the range",
                                     .expected = "a start before the end, and both within the video"});
}

AheadSource::AheadSource(ShotSource& source, size_t queue) : source_(source), capacity_(queue) {
  try {
    thread_ = std::async(std::launch::async, [this] { run(); });
  } catch (const std::system_error&) {
    throw Error(ErrorCode::Resource, {.what = "no more threads can be started", .hint = "use fewer threads"});
  }
}

AheadSource::~AheadSource() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.valid()) thread_.wait();
}

void AheadSource::run() {
  struct Done {
    AheadSource& ahead;
    ~Done() {
      {
        const std::lock_guard lock(ahead.mutex_);
        ahead.done_ = true;
      }
      ahead.changed_.notify_all();
    }
  } done{*this};
  while (std::optional<ShotStep> step = source_.next()) {
    if (!put(std::move(*step))) return;
  }
}

bool AheadSource::put(ShotStep&& step) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || queue_.size() < capacity_; });
    if (stopping_) return false;
    queue_.push_back(std::move(step));
  }
  changed_.notify_all();
  return true;
}

std::optional<ShotStep> AheadSource::next() {
  std::optional<ShotStep> step;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_ || !queue_.empty(); });
    if (!queue_.empty()) {
      step = std::move(queue_.front());
      queue_.pop_front();
    }
  }
  changed_.notify_all();
  if (!step && thread_.valid()) thread_.get();
  return step;
}

}  // namespace magma
