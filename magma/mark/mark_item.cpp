#include "magma/mark/mark_item.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>
#include <malloc.h>
#include <nlohmann/json.hpp>

#include "magma/core/interrupt.h"
#include "magma/image/codec.h"
#include "magma/mark/clip_videos.h"
#include "magma/track/track_file.h"

namespace magma {
namespace {

template <typename T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

class SpoolSink : public PipelineSink {
 public:
  SpoolSink(const WorkItem& item, const MarkItemOptions& options, ItemSpool& spool)
      : item_(item), spool_(spool), frames_(options.frames) {
    if (options.videos) videos_.emplace(spool.videos(), item.id);
  }

  void shot_begins(int64_t shot, int64_t /*first*/, int64_t /*last*/) override {
    if (videos_) videos_->shot_begins(shot);
  }
  void frame(int64_t index_in_clip, const Image& rgb, const PointTracks& tracks) override {
    throw_if_interrupted();
    if (videos_) videos_->frame(index_in_clip, rgb, tracks);
  }
  void clip(const ClipResult& result) override {
    throw_if_interrupted();
    if (videos_) videos_->clip(result);
    ClipRecord record = result.record;
    const std::string picture = record.id + ".jpg";
    record.image = spool_.image_name(picture);
    spool_.image(picture, encode_jpeg(marked_image(result.first_frame, record.marks)));
    spool_.record(to_json(record));
    for (const nlohmann::json& sample : training_samples(record)) spool_.sample(sample);
    add_tensors(result);
    malloc_trim(0);  // a clip leaves holes of its size in the heap: 125 MB of them after an hour of video
    if (frames_ != nullptr) frames_->advance(result.tracks.F);
  }
  void shot_ends(int64_t /*shot*/) override {
    if (videos_) videos_->shot_ends();
  }
  void dropped(int64_t first, int64_t last, const std::string& reason) override {
    spool_.record({{"id", fmt::format("{}-dropped-{}", item_.id, first)},
                   {"item", item_.id},
                   {"status", "dropped"},
                   {"reason", reason},
                   {"frames", {{"first", first}, {"last", last}}},
                   {"video", {{"path", item_.video_name}}},
                   {"marks", nlohmann::json::array()},
                   {"traces", nlohmann::json::array()}});
    if (frames_ != nullptr) frames_->advance(last - first);
  }
  // Clips are made when the end of their shot is known, so frames are read long before they are done.
  void progress(int64_t frames_decoded) override {
    throw_if_interrupted();
    if (frames_ == nullptr) return;
    frames_->note(fmt::format("{} read", frames_decoded));
    frames_->advance(0);
  }

 private:
  void add_tensors(const ClipResult& result) {
    const ClipMarks& marks = result.record.marks;
    const std::string& id = result.record.id;
    add_tracks(spool_.tensors(), id, result.tracks);
    const auto F = static_cast<int64_t>(marks.camera.to_first.size());
    std::vector<float> homographies;  // [F, 3, 3]
    for (const Homography& h : marks.camera.to_first) {
      for (const double entry : h) homographies.push_back(static_cast<float>(entry));
    }
    spool_.tensors().add(id + "/kind", DType::U8, {static_cast<int64_t>(marks.split.kind.size())},
                         bytes_of(marks.split.kind));
    spool_.tensors().add(id + "/speed", DType::F32, {static_cast<int64_t>(marks.split.speed.size())},
                         bytes_of(marks.split.speed));
    spool_.tensors().add(id + "/homography", DType::F32, {F, 3, 3}, bytes_of(homographies));
    spool_.tensors().add(id + "/hstatus", DType::U8, {static_cast<int64_t>(marks.camera.status.size())},
                         bytes_of(marks.camera.status));
  }

  const WorkItem& item_;
  ItemSpool& spool_;
  Progress* frames_;
  std::optional<ClipVideos> videos_;
};

// About how many frames of the item there are, by what the container claims; -1 where it claims nothing.
int64_t estimated_frames(const WorkItem& item, const VideoInfo& info) {
  const double fps = info.fps.value();
  double frames = info.claimed_frames > 0 ? static_cast<double>(info.claimed_frames) : info.claimed_duration_s * fps;
  if (item.end_s) frames = frames > 0 ? std::min(frames, *item.end_s * fps) : *item.end_s * fps;
  frames -= item.start_s.value_or(0) * fps;
  constexpr double kMost = 1e12;
  return frames > 0 && frames < kMost ? static_cast<int64_t>(std::lround(frames)) : -1;
}

}  // namespace

ItemWork mark_item_work(const MarkItemOptions& options) {
  return [options](const WorkItem& item, ItemSpool& spool) {
    SpoolSink sink(item, options, spool);
    const PipelineItem input{.id = item.id,
                             .video = item.video,
                             .video_name = item.video_name,
                             .start_s = item.start_s,
                             .end_s = item.end_s,
                             .text = item.text,
                             .given_tracks = options.given_tracks};
    PipelineOptions pipeline;
    pipeline.threads = options.threads;
    pipeline.pictures = options.videos;
    pipeline.spill_folder = spool.videos();
    if (options.frames != nullptr) {
      pipeline.open = [&](const Path& path, const VideoOptions& how) {
        auto video = open_video(path, how);
        options.frames->set_total(estimated_frames(item, video->info()));
        return video;
      };
    }
    return run_pipeline(input, options.config, pipeline, sink).seconds;
  };
}

}  // namespace magma
