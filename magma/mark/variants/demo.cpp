// Variant "demo": the reference's published demo, to the letter. Source: som_tom.md 1.2.
// The clip starts 20 frames later (marked_frame 20) where it is longer than that. The demo makes no labels: traces are
// thinned as the other two thin them, and none is refused.
#include "magma/mark/reference_procedure.h"

namespace magma {
namespace {

class Demo final : public MarkProcedure {
 public:
  static constexpr const char* kSummary = "the reference's published demo, to the letter";

  ClipMarks make(const ClipInput& clip, const MarkConfig& config) const override {
    const ReferenceRules rules = {
        .working_height = 512, .drop_first = 20, .camera_px = 0.5, .speed_after_removal = false, .eps_px = 2};
    return make_reference_marks(clip, config, rules);
  }
};

MAGMA_REGISTER(MarkProcedures, Demo);

}  // namespace
}  // namespace magma
