#include <cmath>

#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "magma/core/limits.h"
#include "magma/data/reader.h"
#include "magma/data/trace_file.h"
#include "magma/data/video_item.h"
#include "tests/fuzz/fuzz_target.h"

namespace magma {
namespace {

void demand_sample(const Sample& sample) {
  demand(sample.messages.size() >= 2 && sample.messages[0].role == "system", "the system's message comes first");
  size_t placeholders = 0;
  for (const ChatMessage& message : sample.messages) {
    for (const TextPart& part : message.content) placeholders += part.trusted ? 1 : 0;
  }
  demand(placeholders == sample.images.size(), "a placeholder for every picture");
  for (const SampleImage& image : sample.images) {
    const Path below = Path(image.name).lexically_normal();
    demand(image.name.empty() || (below.is_relative() && *below.begin() != ".."), "pictures lie below the folder");
  }
}

}  // namespace

void fuzz_chat_items(std::string_view bytes) {
  ReaderOptions options;
  options.path = fuzz_file("chat_items", "items.json", bytes).string();
  options.config.image_size = 1;
  for (const auto& family : {std::pair{"chat_json", "llava"}, std::pair{"seeclick", "seeclick"}}) {
    options.tag = family.second;
    options.config.seeclick_original = bytes.size() % 2 == 0;
    options.config.seeclick_marked = bytes.size() % 3 != 0;
    const auto reader = unless_refused([&] { return Readers::make(family.first, options); });
    if (!reader) return;
    for (int64_t i = 0; i < (*reader)->size(); ++i) {
      (*reader)->length(i);
      if (const auto sample = unless_refused([&] { return (*reader)->read(i); })) demand_sample(*sample);
    }
  }
}

void fuzz_video_items(std::string_view bytes) {
  const auto item = unless_refused([&] { return parse_json(bytes, "item.json"); });
  if (!item) return;
  for (const char* tag : {"ego4d", "epic", "youcook2"}) {
    const VideoFamily family = video_family(tag);
    const auto parsed = unless_refused([&] { return parse_video_item(*item, family, "item.json", "item 0"); });
    if (!parsed) continue;
    unless_refused([&] { return passes_ego4d(*parsed); });
    passes_epic(*parsed);
    for (const auto& path : {video_path, trace_path}) {
      const auto found = unless_refused([&] { return path(*parsed, family, "folder"); });
      demand(!found || *Path(found->name).lexically_normal().begin() != "..", "files lie below the folder");
    }
    const auto size = unless_refused([&] { return tracked_size(*parsed, {640, 480}); });
    demand(!size || (size->w >= 1 && size->h >= 1 && size->w <= limits().frame_side_max_px), "a size of a picture");
  }
}

void fuzz_trace_file(std::string_view bytes) {
  const Path path = fuzz_file("trace_file", "trace.pth", bytes);
  const auto trace = unless_refused([&] { return read_trace_file(path); });
  if (!trace) return;
  const PointTracks& tracks = trace->tracks;
  const auto places = static_cast<size_t>(tracks.F * tracks.N);
  demand(tracks.F >= 1 && tracks.N >= 1 && tracks.xy.size() == places, "tracks have their shape");
  demand(tracks.visible.size() == places && tracks.confidence.size() == places, "visibility goes with the tracks");
  for (const Point p : tracks.xy) demand(std::isfinite(p.x) && std::isfinite(p.y), "places are finite");
}

}  // namespace magma
