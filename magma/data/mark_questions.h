// The question about marks that follows the first one of a video or a robot: traces where something moves, else the
// places of the marks. Source: data_formats.md 4.6 steps 14 to 16, 4.7.
#pragma once

#include <string>

#include "magma/data/data_config.h"
#include "magma/data/sample.h"
#include "magma/mark/clip_marks.h"
#include "magma/mark/reference_procedure.h"

namespace magma {

struct MarkQuestion {
  TaskFamily family = TaskFamily::Person;
  std::string todo;
};

// Marks as training draws them: `seed` and `id` decide everything that is random.
struct MarkDraw {
  uint64_t seed = 0;
  std::string id;
  ReferenceRules rules;
};
ClipMarks draw_clip_marks(const PointTracks& tracks, const MarkDraw& draw);

// Appends question, answer and the marked picture. Marks are drawn on `picture`, in pixels of the tracks; it is
// nullptr where pictures are not wanted.
void append_marks(Sample& sample, const ClipMarks& marks, const MarkQuestion& question, const DataConfig& config,
                  const Image* picture);

}  // namespace magma
