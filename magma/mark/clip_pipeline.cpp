#include "magma/mark/clip_pipeline.h"

#include <set>
#include <utility>

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/mark/clip_maker.h"
#include "magma/mark/clip_split.h"
#include "magma/mark/frame_buffer.h"
#include "magma/mark/frame_spill.h"
#include "magma/mark/shot_source.h"
#include "magma/track/tracker.h"

namespace magma {
namespace {

constexpr size_t kFramesAhead = 8;

// Collects steps, closes shots as soon as their end is certain, and has their clips made.
class ShotAssembler {
 public:
  ShotAssembler(const PipelineItem& item, const MarkConfig& config, FrameBuffer& buffer, ClipMaker& maker,
                PipelineSink& sink)
      : item_(item), config_(config), buffer_(buffer), maker_(maker), sink_(sink) {}

  void push(ShotStep&& step) {
    if (step.frame) take_frame(std::move(*step.frame));
    cuts_.insert(step.cuts.begin(), step.cuts.end());
    if (!step.frame) require_all_tracks();
    while (!cuts_.empty() && *cuts_.begin() <= step.settled) {
      const int64_t cut = *cuts_.begin();
      cuts_.erase(cuts_.begin());
      close_shot({shot_first_, cut});
    }
  }

  int64_t frames() const { return end_ - item_first_; }
  int64_t shots() const { return shot_; }
  int64_t clips() const { return clips_; }

 private:
  void take_frame(VideoFrame&& frame) {
    if (end_ == 0) item_first_ = shot_first_ = frame.index;
    end_ = frame.index + 1;
    if (item_.given_tracks != nullptr && frames() > item_.given_tracks->F) {
      fail_tracks(fmt::format("one for each of at least {} frames", frames()));
    }
    buffer_.push(std::move(frame));
    sink_.progress(frames());
  }

  void require_all_tracks() const {
    if (item_.given_tracks == nullptr || item_.given_tracks->F == frames()) return;
    fail_tracks(fmt::format("one for each of {} frames", frames()));
  }

  [[noreturn]] void fail_tracks(std::string expected) const {
    throw Error(ErrorCode::Malformed, {.file = item_.video_name,
                                       .what = "the given tracks have another number of rows than the video has frames",
                                       .expected = std::move(expected),
                                       .got = fmt::format("{} rows", item_.given_tracks->F)});
  }

  void close_shot(FrameRange shot) {
    if (shot.count() < config_.min_clip_frames) {
      sink_.dropped(shot.first, shot.last, "short_shot");
    } else {
      make_clips(shot);
    }
    ++shot_;
    shot_first_ = shot.last;
    buffer_.release_before(shot.last);
    buffer_.refill();
  }

  void make_clips(FrameRange shot) {
    sink_.shot_begins(shot_, shot.first, shot.last);
    ClipPlace place = {.shot = shot_, .clip = 0, .frames = {}, .item_first = item_first_};
    for (const FrameRange& frames : split_clips(shot, config_.clip_frames)) {
      place.frames = frames;
      maker_.make(place, buffer_, sink_);
      buffer_.release_before(frames.last);
      ++place.clip;
      ++clips_;
    }
    sink_.shot_ends(shot_);
  }

  const PipelineItem& item_;
  const MarkConfig& config_;
  FrameBuffer& buffer_;
  ClipMaker& maker_;
  PipelineSink& sink_;
  std::set<int64_t> cuts_;                             // known, not yet certain to be the next
  int64_t item_first_ = 0, shot_first_ = 0, end_ = 0;  // first frame of item and open shot; after the last frame
  int64_t shot_ = 0, clips_ = 0;
};

template <typename Source>
void push_all(Source& source, ShotAssembler& assembler) {
  while (std::optional<ShotStep> step = source.next()) assembler.push(std::move(*step));
}

// Unknown names end a run before it begins.
void require_plugins(const PipelineItem& item, const MarkConfig& config) {
  if (item.given_tracks == nullptr) Trackers::make(config.tracker, TrackerOptions{});
  MarkProcedures::make(config.variant);
  ShotDetectors::make(config.shot_detector, ShotDetectorOptions{});
}

PipelineSummary run(const PipelineItem& item, const MarkConfig& config, const PipelineOptions& options,
                    PipelineSink& sink) {
  require_plugins(item, config);
  const auto open = [&] { return options.open(item.video, VideoOptions{}); };
  PlanesPool pool;
  FrameSpill spill(options.spill_folder, options.spill_bytes);
  FrameRefetch refetch(open, static_cast<int>(config.track_width), pool, spill);
  FrameBuffer buffer(options.buffer_bytes, pool, refetch);
  PipelineSummary summary;
  std::unique_ptr<VideoReader> reader = open();
  summary.video = reader->info();
  ClipMaker maker(item, config, options, summary.video);
  ShotSource source(std::move(reader), item, config, pool);
  ShotAssembler assembler(item, config, buffer, maker, sink);
  if (options.threads > 1) {
    AheadSource ahead(source, kFramesAhead);
    push_all(ahead, assembler);
  } else {
    push_all(source, assembler);
  }
  summary.frames = assembler.frames();
  summary.damaged_frames = source.damaged_frames();
  summary.shots = assembler.shots();
  summary.clips = assembler.clips();
  summary.redecoded_frames = refetch.frames();
  summary.seconds = source.seconds();
  summary.seconds.insert(maker.seconds().begin(), maker.seconds().end());
  summary.seconds["redecode"] = refetch.busy_seconds();
  return summary;
}

}  // namespace

PipelineSummary run_pipeline(const PipelineItem& item, const MarkConfig& config, const PipelineOptions& options,
                             PipelineSink& sink) {
  try {
    return run(item, config, options, sink);
  } catch (const Error& error) {
    // The reader knows the file by the name it was opened with.
    if (!error.fields().file.empty() && error.fields().file != item.video.string()) throw;
    ErrorFields fields = error.fields();
    if (error.code() == ErrorCode::Interrupted || error.code() == ErrorCode::Usage) throw;
    fields.file = item.video_name;
    throw Error(error.code(), std::move(fields));
  }
}

}  // namespace magma
