#include "magma/data/mark_questions.h"

#include <algorithm>
#include <map>

#include "magma/data/placeholders.h"
#include "magma/mark/draw_marks.h"

namespace magma {
namespace {

constexpr int kGrid = 256;

}  // namespace

ClipMarks draw_clip_marks(const PointTracks& tracks, const MarkDraw& draw) {
  MarkConfig config;
  config.seed = static_cast<int64_t>(draw.seed);
  config.quant = kGrid;
  return make_reference_marks({.id = draw.id, .tracks = &tracks, .quality = {}, .fps = 30}, config, draw.rules);
}

void append_marks(Sample& sample, const ClipMarks& marks, const MarkQuestion& question, const DataConfig& config,
                  const Image* picture) {
  TraceQuestion traced{.family = question.family, .grid = kGrid, .ids = {}, .todo = question.todo, .speed = {}};
  std::map<int, Cell> places;
  for (const Mark& mark : marks.marks) {
    traced.ids.push_back(mark.id);
    places[mark.id] = mark.cell;
  }
  std::map<int, std::vector<Cell>> traces;
  for (const Trace& trace : marks.traces) {
    traces[trace.id] = trace.cells;
    traced.steps = std::max(traced.steps, trace.steps);
  }
  if (config.trace_speed) traced.speed = static_cast<int>(std::min(marks.mean_speed_cells, 1e6));
  const bool places_only = traces.empty();
  sample.messages.push_back(
      {"user", prompt(places_only ? som_question(kGrid) : trace_question(traced), 1, config.image_start_end)});
  sample.messages.push_back({"assistant", places_only ? plain(som_answer(places))
                                                      : trace_prompt(trace_answer(traces), config.trace_start_end)});
  SampleImage& image = sample.images.emplace_back();
  if (picture == nullptr) return;
  Image marked = *picture;
  draw_marks(marked, marks.marks);
  image.pixels = std::make_shared<const Image>(std::move(marked));
}

}  // namespace magma
