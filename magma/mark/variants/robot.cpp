// Variant "robot": the reference's procedure for robot episodes, to the letter. Source: som_tom.md 1.2.
// The reference cuts episodes to 16 frames first: --clip-frames 16.
#include "magma/mark/reference_procedure.h"

namespace magma {
namespace {

class Robot final : public MarkProcedure {
 public:
  static constexpr const char* kSummary = "the reference's procedure for robot episodes, to the letter";

  ClipMarks make(const ClipInput& clip, const MarkConfig& config) const override {
    const ReferenceRules rules = {
        .square_floor = true, .eps_px = 1, .moving_max = 4, .static_min = 4, .static_max = 9, .min_speed_cells = 1};
    return make_reference_marks(clip, config, rules);
  }
};

MAGMA_REGISTER(MarkProcedures, Robot);

}  // namespace
}  // namespace magma
