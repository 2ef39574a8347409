// Reader "openx_traces": frames of robot episodes with tracks of points, a trace file each: tag openx_magma.
// Source: data_formats.md 4.2 and 4.7.
#include <nlohmann/json.hpp>

#include "magma/core/limits.h"
#include "magma/data/item_list.h"
#include "magma/data/mark_questions.h"
#include "magma/data/media_path.h"
#include "magma/data/placeholders.h"
#include "magma/data/reader.h"
#include "magma/data/trace_file.h"
#include "magma/image/bicubic.h"
#include "magma/image/codec.h"

namespace magma {
namespace {

constexpr Size kTracked{256, 256};  // what the tracks are in
constexpr Size kShown{512, 512};

struct Files {
  MediaPath trace, picture;
};

// Pictures and traces may lie in a folder that is called as Python writes bytes: b'bridge_orig' for bridge_orig.
std::string existing(const std::string& folder, const std::string& path) {
  const Path file(path);
  if (std::filesystem::exists(file)) return path;
  const Path episode = file.parent_path();
  const std::string name = episode.parent_path().filename().string();
  const bool quoted = name.size() > 3 && name.starts_with("b'") && name.ends_with('\'');
  const std::string other = quoted ? name.substr(2, name.size() - 3) : "b'" + name + "'";
  const Path elsewhere = episode.parent_path().parent_path() / other / episode.filename() / file.filename();
  if (!std::filesystem::exists(elsewhere)) return path;
  require_below(folder, elsewhere.string());
  return elsewhere.string();
}

class OpenxTraces final : public Reader {
 public:
  static constexpr const char* kSummary = "frames of robot episodes with tracks of points";

  explicit OpenxTraces(const ReaderOptions& options)
      : options_(options), items_(options.path), folder_(media_folder(options.image_folder, items_)) {}

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
      const Files files = files_of(index);
      const std::string trace_path = existing(folder_, files.trace.path);
      TraceFile trace = read_trace_file(trace_path);
      add_action(trace, trace_path, sample);
      Image picture;
      SampleImage& frame = sample.images.emplace_back();
      frame.name = files.picture.name;
      if (options_.config.images) {
        picture = read_picture(existing(folder_, files.picture.path));
        frame.pixels = std::make_shared<const Image>(picture);
      }
      if (asks_about_marks(trace)) add_marks(index, trace, picture, sample);
      return sample;
    });
  }

 private:
  Files files_of(int64_t index) const {
    const Json item = items_.item(index);
    if (!item.is_string()) {
      throw Error(ErrorCode::Malformed,
                  {.what = "wrong type", .expected = "the path of a trace", .got = item.type_name()});
    }
    const auto& name = item.get_ref<const std::string&>();
    return {media_path(folder_, name),
            media_path(folder_, replaced(replaced(name, "traces", "images"), ".pth", ".jpg"))};
  }

  static Image read_picture(const std::string& path) {
    return resize_bicubic(decode_image(read_file(path, limits().image_bytes), path), kShown);
  }

  void add_action(const TraceFile& trace, const std::string& path, Sample& sample) const {
    const auto require = [&](bool known, const char* key) {
      if (!known) throw Error(ErrorCode::Malformed, {.file = path, .where = key, .what = "missing"});
    };
    require(trace.lang.has_value(), "lang");
    require(trace.action.has_value(), "action");
    sample.action_normalised = trace.action;
    sample.messages.push_back({"user", prompt(image_placeholder() + "\n" + action_question(*trace.lang), 1,
                                              options_.config.image_start_end)});
    sample.messages.push_back({"assistant", action_prompt()});
  }

  bool asks_about_marks(const TraceFile& trace) const {
    if (!options_.config.som_tom) return false;
    return trace.dataset_name != "berkeley_cable_routing" && trace.dataset_name != "kuka";
  }

  void add_marks(int64_t index, TraceFile& trace, const Image& picture, Sample& sample) const {
    trace.tracks.frame = kTracked;
    MarkDraw draw{.seed = options_.seed, .id = items_.id(index), .rules = {}};
    draw.rules = {.eps_px = 1,
                  .moving_max = 4,
                  .static_min = 4,
                  .static_max = 9,
                  .min_speed_cells = 1,
                  .keep_still_steps = !options_.config.remove_static};
    const ClipMarks marks = draw_clip_marks(robot_tracks(trace.tracks), draw);
    append_marks(sample, marks, {TaskFamily::Robot, *trace.lang}, options_.config,
                 options_.config.images ? &picture : nullptr);
  }

  ReaderOptions options_;
  ItemList items_;
  std::string folder_;
};

MAGMA_REGISTER(Readers, OpenxTraces);

}  // namespace
}  // namespace magma
