// Reader "video_traces": clips of videos with tracks of points: tags ego4d, sthv2, exoego4d, epic, youcook2, coin.
// Source: data_formats.md 4.2 to 4.6.
#include <optional>

#include <nlohmann/json.hpp>

#include "magma/core/limits.h"
#include "magma/core/random.h"
#include "magma/data/item_list.h"
#include "magma/data/mark_questions.h"
#include "magma/data/placeholders.h"
#include "magma/data/reader.h"
#include "magma/data/video_frames.h"
#include "magma/data/video_item.h"

namespace magma {
namespace {

constexpr double kWithoutMarks = 0.2;  // share of samples that ask no more than the first question

class VideoTraces final : public Reader {
 public:
  static constexpr const char* kSummary = "clips of videos with tracks of points";

  explicit VideoTraces(const ReaderOptions& options)
      : options_(options),
        family_(video_family(options.tag)),
        items_(options.path),
        folder_(media_folder(options.image_folder, items_)) {
    if (options.tag == "ego4d") items_.filter([this](int64_t index) { return passes_ego4d(parsed(index)); });
    if (options.tag == "epic") items_.filter([this](int64_t index) { return passes_epic(parsed(index)); });
  }

  int64_t size() const override { return items_.size(); }
  Origin origin(int64_t index) const override { return items_.origin(index); }
  std::vector<Path> files() const override { return items_.files(); }

  Sample read(int64_t index) const override {
    return read_item(items_, index, [&] {
      Sample sample;
      sample.origin = origin(index);
      sample.tag = options_.tag;
      sample.num_crops = 1;
      sample.messages.push_back(system_message());
      VideoItem item = parsed(index);
      if (options_.tag == "ego4d") passes_ego4d(item);  // an item that no filter could judge is none
      item.caption ? add_caption(item, sample) : add_clip(index, item, sample);
      return sample;
    });
  }

 private:
  VideoItem parsed(int64_t index) const {
    return parse_video_item(items_.item(index), family_, items_.file(index), items_.where(index));
  }

  void add_pair(Sample& sample, std::string_view question, int64_t images, std::string_view answer) const {
    sample.messages.push_back({"user", prompt(question, images, options_.config.image_start_end)});
    sample.messages.push_back({"assistant", plain(answer)});
  }

  void add_caption(VideoItem& item, Sample& sample) const {
    const auto [first, end] = item.interval();
    bounded(end - first, 1, limits().trace_frames, "frames of a clip");
    const MediaPath path = video_path(item, family_, folder_);
    const auto video = open_video(path.path);
    const Size size = tracked_size(item, video->info().size);
    const Size half{std::max(1, size.w / 2), std::max(1, size.h / 2)};
    std::vector<Image> frames = read_clip_frames(*video, first, end, half);
    if (frames.empty()) throw Error(ErrorCode::Malformed, {.file = path.path, .what = "no frame of the clip is in it"});
    const auto images = static_cast<int>(frames.size());
    add_pair(sample, caption_question(images), images,
             semantic_answer(clean_response(item.response, item.instruction)));
    for (Image& frame : frames) sample.images.push_back({.pixels = std::make_shared<const Image>(std::move(frame))});
  }

  void add_clip(int64_t index, VideoItem& item, Sample& sample) const {
    std::optional<TraceFile> trace;
    if (family_.annotated || options_.config.som_tom) {
      trace = read_trace_file(trace_path(item, family_, folder_).path);
      if (family_.annotated) item.merge(*trace);
    }
    const MediaPath path = video_path(item, family_, folder_);
    const bool pictures = options_.config.images;
    const auto video = pictures || !item.image_size ? open_video(path.path) : nullptr;
    const Size size = tracked_size(item, video ? video->info().size : Size{});
    std::optional<ClipMarks> marks;
    if (asks_about_marks(index)) marks = clip_marks(index, trace->tracks, size);

    std::vector<int64_t> frames = {item.interval()[0]};
    if (marks) frames.push_back(frames[0] + marks->marked_frame);
    std::vector<Image> images;
    if (pictures) images = read_video_frames(*video, path.path, frames, size);
    const std::string todo = add_first_question(item, sample);
    sample.images.push_back({.pixels = pictures ? std::make_shared<const Image>(std::move(images[0])) : nullptr});
    if (!marks) return;
    const MarkQuestion question{family_.narrated ? TaskFamily::Saying : TaskFamily::Person, todo};
    append_marks(sample, *marks, question, options_.config, pictures ? &images[1] : nullptr);
  }

  // Returns what is to be done, for the question about traces.
  std::string add_first_question(const VideoItem& item, Sample& sample) const {
    const std::string response = clean_response(item.response, item.instruction);
    if (!family_.scenes) {
      const TaskFamily family = family_.narrated ? TaskFamily::Saying : TaskFamily::Person;
      add_pair(sample, semantic_question(family, 1), 1, semantic_answer(response));
      return response;
    }
    const std::optional<SceneAndTask> parts = split_response(response);
    if (!parts) {
      throw Error(ErrorCode::Malformed, {.where = "gpt_response",
                                         .what = "does not say what to do next",
                                         .expected = "\"What you should do next\"",
                                         .got = item.response});
    }
    add_pair(sample, scene_question(1), 1, semantic_answer(parts->scene));
    return parts->todo;
  }

  bool asks_about_marks(int64_t index) const {
    if (!options_.config.som_tom) return false;
    Rng rng(options_.seed, items_.id(index), "without-marks");
    return rng.uniform() >= kWithoutMarks;
  }

  ClipMarks clip_marks(int64_t index, PointTracks& tracks, Size size) const {
    tracks.frame = size;
    MarkDraw draw{.seed = options_.seed, .id = items_.id(index), .rules = {}};
    draw.rules = {.random_start = true,
                  .refuse_short = true,
                  .min_speed_cells = family_.min_speed_cells,
                  .always_remove_camera = family_.ego_centric,
                  .keep_still_steps = !options_.config.remove_static};
    return draw_clip_marks(tracks, draw);
  }

  ReaderOptions options_;
  VideoFamily family_;
  ItemList items_;
  std::string folder_;
};

MAGMA_REGISTER(Readers, VideoTraces);

}  // namespace
}  // namespace magma
