#include "magma/mark/homography_fit.h"

#include <algorithm>
#include <limits>

#include <opencv2/calib3d.hpp>

namespace magma {
namespace {

constexpr size_t kFewestPairs = 4;
constexpr int kRefinements = 8;
constexpr double kTukeySigmas = 4.685;  // 95 % efficiency on Gaussian residuals
constexpr double kMadToSigma = 1.4826;
constexpr double kRayleighToSigma = 0.8493;  // median of a 2-D residual's length -> sigma of one coordinate
constexpr double kSmallestSigmaPx = 0.005;

bool is_finite(const Homography& h) {
  return std::all_of(h.begin(), h.end(), [](double value) { return std::isfinite(value); });
}

std::vector<cv::Point2f> to_cv(const std::vector<Point>& points) {
  std::vector<cv::Point2f> result;
  result.reserve(points.size());
  for (const Point p : points) result.emplace_back(p.x, p.y);
  return result;
}

std::optional<Homography> from_cv(const cv::Mat& matrix) {
  if (matrix.rows != 3 || matrix.cols != 3 || matrix.type() != CV_64F) return std::nullopt;
  Homography h{};
  for (int i = 0; i < 9; ++i) h[static_cast<size_t>(i)] = matrix.at<double>(i / 3, i % 3) / matrix.at<double>(2, 2);
  if (!is_finite(h)) return std::nullopt;
  return h;
}

// Tukey's biweight for residuals [n]; the width from their median, at most `threshold_px`.
std::vector<double> tukey_weights(const std::vector<double>& residuals, double threshold_px) {
  std::vector<double> sorted = residuals;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  const double sigma = std::max(kSmallestSigmaPx, kRayleighToSigma * *middle);
  const double width = std::min(threshold_px, kTukeySigmas * sigma);
  std::vector<double> weights;
  weights.reserve(residuals.size());
  for (const double residual : residuals) {
    const double u = residual / width;
    weights.push_back(u < 1 ? (1 - u * u) * (1 - u * u) : 0);
  }
  return weights;
}

std::vector<double> residuals_of(const Homography& h, const PointPairs& pairs) {
  std::vector<double> residuals;
  residuals.reserve(pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) residuals.push_back(transfer_error(h, pairs.from[i], pairs.to[i]));
  return residuals;
}

// The frame as about [-1, 1]^2.
Homography conditioning(Size frame) {
  const double scale = 2.0 / std::max({frame.w, frame.h, 1});
  return {scale, 0, -0.5 * scale * frame.w, 0, scale, -0.5 * scale * frame.h, 0, 0, 1};
}

// One Gauss-Newton step on the forward error in conditioned coordinates; false where the equations are singular.
bool gauss_newton_step(const PointPairs& conditioned, const std::vector<double>& weights, Homography& h) {
  cv::Matx<double, 8, 8> normal = cv::Matx<double, 8, 8>::zeros();
  cv::Matx<double, 8, 1> right = cv::Matx<double, 8, 1>::zeros();
  for (size_t i = 0; i < conditioned.size(); ++i) {
    if (weights[i] <= 0) continue;
    const double x = conditioned.from[i].x;
    const double y = conditioned.from[i].y;
    const double w = h[6] * x + h[7] * y + 1;
    const double u = (h[0] * x + h[1] * y + h[2]) / w;
    const double v = (h[3] * x + h[4] * y + h[5]) / w;
    const double rows[2][8] = {{x / w, y / w, 1 / w, 0, 0, 0, -u * x / w, -u * y / w},
                               {0, 0, 0, x / w, y / w, 1 / w, -v * x / w, -v * y / w}};
    const double errors[2] = {conditioned.to[i].x - u, conditioned.to[i].y - v};
    for (int r = 0; r < 2; ++r) {
      for (int a = 0; a < 8; ++a) {
        right(a) += weights[i] * rows[r][a] * errors[r];
        for (int b = a; b < 8; ++b) normal(a, b) += weights[i] * rows[r][a] * rows[r][b];
      }
    }
  }
  for (int a = 1; a < 8; ++a) {
    for (int b = 0; b < a; ++b) normal(a, b) = normal(b, a);
  }
  cv::Matx<double, 8, 1> step;
  if (!cv::solve(normal, right, step, cv::DECOMP_CHOLESKY)) return false;
  for (int a = 0; a < 8; ++a) h[static_cast<size_t>(a)] += step(a);
  return is_finite(h);
}

}  // namespace

std::optional<Homography> robust_homography(const PointPairs& pairs, double threshold_px) {
  if (pairs.size() < kFewestPairs) return std::nullopt;
  cv::UsacParams parameters;
  parameters.score = cv::SCORE_METHOD_MAGSAC;
  parameters.sampler = cv::SAMPLING_UNIFORM;
  parameters.loMethod = cv::LOCAL_OPTIM_SIGMA;
  parameters.loIterations = 5;
  parameters.loSampleSize = 14;
  parameters.maxIterations = 2000;
  parameters.confidence = 0.999;
  parameters.threshold = threshold_px;
  parameters.randomGeneratorState = 0;
  parameters.isParallel = false;
  cv::Mat mask;
  return from_cv(cv::findHomography(to_cv(pairs.from), to_cv(pairs.to), mask, parameters));
}

std::optional<Homography> ransac_homography(const PointPairs& pairs, double threshold_px) {
  if (pairs.size() < kFewestPairs) return std::nullopt;
  return from_cv(cv::findHomography(to_cv(pairs.from), to_cv(pairs.to), cv::RANSAC, threshold_px));
}

Homography refine_homography(const PointPairs& pairs, const Homography& start, Size frame, double threshold_px) {
  const Homography condition = conditioning(frame);
  const std::optional<Homography> restore = inverse(condition);
  PointPairs conditioned;
  for (size_t i = 0; i < pairs.size(); ++i)
    conditioned.add(apply(condition, pairs.from[i]), apply(condition, pairs.to[i]));
  Homography best = start;
  for (int round = 0; round < kRefinements; ++round) {
    const std::vector<double> weights = tukey_weights(residuals_of(best, pairs), threshold_px);
    Homography h = compose(compose(condition, best), *restore);
    if (!gauss_newton_step(conditioned, weights, h)) break;
    best = compose(compose(*restore, h), condition);
  }
  return best;
}

std::optional<Homography> robust_similarity(const PointPairs& pairs, double threshold_px) {
  if (pairs.size() < kFewestPairs) return std::nullopt;
  std::vector<double> weights(pairs.size(), 1);
  Homography h = kIdentity;
  for (int round = 0; round < kRefinements; ++round) {
    double total = 0, fx = 0, fy = 0, tx = 0, ty = 0;
    for (size_t i = 0; i < pairs.size(); ++i) {
      total += weights[i];
      fx += weights[i] * pairs.from[i].x;
      fy += weights[i] * pairs.from[i].y;
      tx += weights[i] * pairs.to[i].x;
      ty += weights[i] * pairs.to[i].y;
    }
    if (total <= 0) return std::nullopt;
    fx /= total, fy /= total, tx /= total, ty /= total;
    double dot = 0, cross = 0, spread = 0;
    for (size_t i = 0; i < pairs.size(); ++i) {
      const double ax = pairs.from[i].x - fx, ay = pairs.from[i].y - fy;
      const double bx = pairs.to[i].x - tx, by = pairs.to[i].y - ty;
      dot += weights[i] * (ax * bx + ay * by);
      cross += weights[i] * (ax * by - ay * bx);
      spread += weights[i] * (ax * ax + ay * ay);
    }
    if (spread <= 0) return std::nullopt;
    const double c = dot / spread, s = cross / spread;
    h = {c, -s, tx - c * fx + s * fy, s, c, ty - s * fx - c * fy, 0, 0, 1};
    weights = tukey_weights(residuals_of(h, pairs), std::numeric_limits<double>::infinity());
  }
  return count_inliers(h, pairs, threshold_px) >= static_cast<int64_t>(kFewestPairs) ? std::optional(h) : std::nullopt;
}

double transfer_error(const Homography& h, Point from, Point to) {
  const double w = h[6] * from.x + h[7] * from.y + h[8];
  if (!(w > 0)) return std::numeric_limits<double>::infinity();
  const double dx = (h[0] * from.x + h[1] * from.y + h[2]) / w - to.x;
  const double dy = (h[3] * from.x + h[4] * from.y + h[5]) / w - to.y;
  return std::sqrt(dx * dx + dy * dy);
}

int64_t count_inliers(const Homography& h, const PointPairs& pairs, double threshold_px) {
  int64_t count = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (transfer_error(h, pairs.from[i], pairs.to[i]) <= threshold_px) ++count;
  }
  return count;
}

double affine_determinant(const Homography& h) { return h[0] * h[4] - h[1] * h[3]; }

Homography compose(const Homography& a, const Homography& b) {
  Homography c{};
  for (size_t row = 0; row < 3; ++row) {
    for (size_t column = 0; column < 3; ++column) {
      for (size_t k = 0; k < 3; ++k) c[row * 3 + column] += a[row * 3 + k] * b[k * 3 + column];
    }
  }
  for (double& value : c) value /= c[8] != 0 ? c[8] : 1;
  return c;
}

std::optional<Homography> inverse(const Homography& h) {
  const double determinant =
      h[0] * (h[4] * h[8] - h[5] * h[7]) - h[1] * (h[3] * h[8] - h[5] * h[6]) + h[2] * (h[3] * h[7] - h[4] * h[6]);
  Homography inverted = {h[4] * h[8] - h[5] * h[7], h[2] * h[7] - h[1] * h[8], h[1] * h[5] - h[2] * h[4],
                         h[5] * h[6] - h[3] * h[8], h[0] * h[8] - h[2] * h[6], h[2] * h[3] - h[0] * h[5],
                         h[3] * h[7] - h[4] * h[6], h[1] * h[6] - h[0] * h[7], h[0] * h[4] - h[1] * h[3]};
  if (determinant == 0 || inverted[8] == 0) return std::nullopt;
  const double last = inverted[8];
  for (double& value : inverted) value /= last;
  if (!is_finite(inverted)) return std::nullopt;
  return inverted;
}

}  // namespace magma
