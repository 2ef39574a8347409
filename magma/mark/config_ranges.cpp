#include "magma/mark/config_ranges.h"

#include <cmath>

#include <fmt/core.h>

#include "magma/core/error.h"

namespace magma {
namespace {

struct Range {
  const char* setting;
  double value, least, most;
};

void require_inside(const Range& range) {
  if (range.value >= range.least && range.value <= range.most) return;  // false for what is not a number
  throw Error(ErrorCode::Usage, {.where = range.setting,
                                 .what = "setting out of range",
                                 .expected = fmt::format("{:.15g} to {:.15g}", range.least, range.most),
                                 .got = fmt::format("{:.15g}", range.value)});
}

void require_ordered(const char* settings, int64_t least, int64_t most) {
  if (least <= most) return;
  throw Error(ErrorCode::Usage, {.where = settings,
                                 .what = "the fewest are more than the most",
                                 .expected = fmt::format("at least {}", least),
                                 .got = std::to_string(most)});
}

}  // namespace

void require_in_range(const MarkConfig& c) {
  constexpr double kMostFrames = 100'000, kMostClusters = 256, kMostSteps = 1000;
  const auto number = [](int64_t value) { return static_cast<double>(value); };
  for (const Range& range :
       {Range{"grid", number(c.grid), 1, 64}, Range{"track_width", number(c.track_width), 64, 8192},
        Range{"clip_frames", number(c.clip_frames), 2, kMostFrames},
        Range{"min_clip_frames", number(c.min_clip_frames), 1, kMostFrames}, Range{"quant", number(c.quant), 2, 8192},
        Range{"min_visible", c.min_visible, 0, 1}, Range{"eps_px", c.eps_px, 0, 1000},
        Range{"clusters_moving_min", number(c.clusters_moving_min), 1, kMostClusters},
        Range{"clusters_moving_max", number(c.clusters_moving_max), 1, kMostClusters},
        Range{"clusters_static_min", number(c.clusters_static_min), 0, kMostClusters},
        Range{"clusters_static_max", number(c.clusters_static_max), 0, kMostClusters},
        Range{"max_trace_steps", number(c.max_trace_steps), 1, kMostSteps}}) {
    require_inside(range);
  }
  require_ordered("clusters_moving_max", c.clusters_moving_min, c.clusters_moving_max);
  require_ordered("clusters_static_max", c.clusters_static_min, c.clusters_static_max);
}

}  // namespace magma
