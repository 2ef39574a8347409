#include "magma/mark/moving_points.h"

#include <algorithm>
#include <cmath>

#include "magma/mark/draw_marks.h"

namespace magma {
namespace {

constexpr int64_t kLag = 5;

float median(std::vector<float> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

PointSplit split_points(const PointTracks& stabilised, const CameraMotion& camera, const MarkConfig& config,
                        double fps) {
  const auto N = static_cast<size_t>(stabilised.N);
  PointSplit split;
  split.kind.assign(N, PointKind::Unknown);
  split.speed.assign(N, 0);
  split.evidence.assign(N, 0);
  const float margin = mark_radius_px(stabilised.frame);
  const int64_t lag = stabilised.F <= kLag + 1 ? stabilised.F - 1 : kLag;
  const double eps = config.eps_px * pixel_scale(stabilised.frame) * 30 / fps;
  std::vector<float> background;
  for (int64_t n = 0; n < stabilised.N; ++n) {
    std::vector<float> steps;
    int64_t visible = 0;
    for (int64_t t = 0; t < stabilised.F; ++t) {
      if (!stabilised.is_visible(t, n)) continue;
      ++visible;
      if (t + lag < stabilised.F && stabilised.is_visible(t + lag, n)) {
        steps.push_back(norm(stabilised.at(t + lag, n) - stabilised.at(t, n)) / static_cast<float>(lag));
      }
    }
    const auto i = static_cast<size_t>(n);
    if (steps.empty() || static_cast<double>(visible) <= config.min_visible * static_cast<double>(stabilised.F) ||
        !stabilised.is_visible(0, n) || !inside(stabilised.at(0, n), stabilised.frame, margin)) {
      continue;
    }
    double sum = 0;
    for (const float step : steps) sum += step;
    split.speed[i] = static_cast<float>(sum / static_cast<double>(steps.size()));
    split.evidence[i] = static_cast<float>(split.speed[i] / eps);
    split.kind[i] = split.evidence[i] > 1 ? PointKind::Moving : PointKind::Static;
    if (camera.background[i]) background.push_back(median(steps));
  }
  split.noise_px = median(background);
  return split;
}

}  // namespace magma
