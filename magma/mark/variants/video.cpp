// Variant "video": the reference's procedure for training videos, to the letter. Source: som_tom.md 1.2.
// marked_frame is the random start frame.
#include "magma/mark/reference_procedure.h"

namespace magma {
namespace {

class Video final : public MarkProcedure {
 public:
  static constexpr const char* kSummary = "the reference's procedure for training videos, to the letter";

  ClipMarks make(const ClipInput& clip, const MarkConfig& config) const override {
    const ReferenceRules rules = {.random_start = true, .refuse_short = true, .min_speed_cells = 2};
    return make_reference_marks(clip, config, rules);
  }
};

MAGMA_REGISTER(MarkProcedures, Video);

}  // namespace
}  // namespace magma
