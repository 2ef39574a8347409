// Fitting one plane's motion to point pairs: a robust start (USAC_MAGSAC), then weighted least squares in double.
// Deterministic: fixed generator state, fixed summation order. Source: som_tom.md 1.6 steps 2 and 3.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "magma/core/geometry.h"

namespace magma {

struct PointPairs {
  std::vector<Point> from, to;  // [n] px
  size_t size() const { return from.size(); }
  void add(Point a, Point b) {
    from.push_back(a);
    to.push_back(b);
  }
};

// nullopt for fewer than 4 pairs, degenerate or non-finite results.
std::optional<Homography> robust_homography(const PointPairs& pairs, double threshold_px);
// RANSAC as the reference calls it.
std::optional<Homography> ransac_homography(const PointPairs& pairs, double threshold_px);

// Tukey-weighted Gauss-Newton from `start`. The weights' width follows the residuals' own spread, never above
// `threshold_px`, so that a few intruders among exact pairs lose all weight. `frame` conditions the equations.
Homography refine_homography(const PointPairs& pairs, const Homography& start, Size frame, double threshold_px);

// Rotation, scale and shift by the same weighting; nullopt for fewer than 4 pairs or no spread.
std::optional<Homography> robust_similarity(const PointPairs& pairs, double threshold_px);

double transfer_error(const Homography& h, Point from, Point to);  // |h(from) - to|, px; infinite behind the horizon
int64_t count_inliers(const Homography& h, const PointPairs& pairs, double threshold_px);
double affine_determinant(const Homography& h);
Homography compose(const Homography& a, const Homography& b);  // a after b, last entry 1
std::optional<Homography> inverse(const Homography& h);

}  // namespace magma
