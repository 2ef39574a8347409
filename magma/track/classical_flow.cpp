#include "magma/track/classical_flow.h"

#include <algorithm>
#include <cmath>

namespace magma {

namespace {

constexpr int kCells = kFlowSide * kFlowSide;
constexpr float kMinEigenvalue = 1e-3F;
constexpr float kMinDeviation = 0.5F;  // grey levels; below it contrast is noise and is left alone
constexpr float kMaxContrast = 2.5F;   // change of contrast from frame to frame that is believed

}  // namespace

void FlowTemplate::weigh(Point centre, Size frame) {
  std::fill_n(weight_, kCells, 1.0F);
  constexpr float kHalf = (kFlowSide - 1) / 2.0F;
  if (inside(centre, frame, kHalf)) return;
  for (int r = 0; r < kFlowSide; ++r) {
    for (int c = 0; c < kFlowSide; ++c) {
      const Point pixel = {centre.x - kHalf + static_cast<float>(c), centre.y - kHalf + static_cast<float>(r)};
      if (!inside(pixel, frame)) weight_[r * kFlowSide + c] = 0;
    }
  }
}

void FlowTemplate::prepare(const float* patch, Point centre, Size frame) {
  weigh(centre, frame);
  alignas(16) float value[kCells];
  Float4 w = {}, v = {}, vv = {}, gx = {}, gy = {}, gxx = {}, gxy = {}, gyy = {};
  for (int i = 0; i < kCells; i += 4) {
    const float* at = patch + (i / kFlowSide + 2) * kFlowPatch + i % kFlowSide + 2;
    const Float4 weight = load4(weight_ + i), here = load4(at);
    const Float4 x = (load4(at + 1) - load4(at - 1)) * 0.5F;
    const Float4 y = (load4(at + kFlowPatch) - load4(at - kFlowPatch)) * 0.5F;
    store4(value + i, here);
    store4(gx_ + i, x);
    store4(gy_ + i, y);
    w += weight;
    v += weight * here;
    vv += weight * here * here;
    gx += weight * x;
    gy += weight * y;
    gxx += weight * x * x;
    gxy += weight * x * y;
    gyy += weight * y * y;
  }
  total_weight_ = std::max(sum4(w), 1.0F);
  const float mean = sum4(v) / total_weight_, mx = sum4(gx) / total_weight_, my = sum4(gy) / total_weight_;
  deviation_ = std::sqrt(std::max(0.0F, sum4(vv) / total_weight_ - mean * mean));
  x_ = y_ = 0;
  for (int i = 0; i < kCells; i += 4) {
    const Float4 weight = load4(weight_ + i);
    store4(gx_ + i, weight * (load4(gx_ + i) - mx));
    store4(gy_ + i, weight * (load4(gy_ + i) - my));
  }
  const Sums own = correlate(value);
  x_ = own.x;
  y_ = own.y;
  const float a = sum4(gxx) - mx * mx * total_weight_, b = sum4(gxy) - mx * my * total_weight_,
              c = sum4(gyy) - my * my * total_weight_;
  min_eigenvalue_ = ((a + c) - std::sqrt((a - c) * (a - c) + 4 * b * b)) / (2 * total_weight_);
  const float determinant = std::max(a * c - b * b, 1e-6F);
  xx_ = c / determinant;
  xy_ = -b / determinant;
  yy_ = a / determinant;
}

FlowTemplate::Sums FlowTemplate::correlate(const float* window) const {
  Float4 v = {}, vv = {}, x = {}, y = {};
  for (int i = 0; i < kCells; i += 4) {
    const Float4 value = load4(window + i), weighted = value * load4(weight_ + i);
    v += weighted;
    vv += weighted * value;
    x += load4(gx_ + i) * value;
    y += load4(gy_ + i) * value;
  }
  return {total_weight_, sum4(v), sum4(vv), sum4(x), sum4(y)};
}

bool FlowTemplate::align(const FloatPlane& plane, Point& at, int iterations, float epsilon) const {
  if (min_eigenvalue_ < kMinEigenvalue) return false;
  alignas(16) float window[kCells];
  Point last = {};
  for (int i = 0; i < iterations; ++i) {
    if (!plane.holds<kFlowSide>(at)) return false;
    plane.sample<kFlowSide>(at, window);
    const Sums sums = correlate(window);
    const float mean = sums.value / sums.weight;
    const float deviation = std::sqrt(std::max(0.0F, sums.square / sums.weight - mean * mean));
    const bool flat = deviation_ < kMinDeviation || deviation < kMinDeviation;
    const float contrast = flat ? 1.0F : std::clamp(deviation_ / deviation, 1 / kMaxContrast, kMaxContrast);
    const float bx = x_ - contrast * sums.x, by = y_ - contrast * sums.y;
    const Point step = {xx_ * bx + xy_ * by, xy_ * bx + yy_ * by};
    at = at + step;
    if (norm(step) < epsilon) break;
    if (i > 0 && norm(step + last) < epsilon) {  // swings around the answer
      at = at - step * 0.5F;
      break;
    }
    last = step;
  }
  return plane.holds<kFlowSide>(at);
}

bool follow(const FloatPyramid& previous, const FloatPyramid& current, Point from, Point& to,
            const FlowSettings& settings) {
  alignas(16) float patch[kFlowPatch * kFlowPatch];
  FlowTemplate target;
  bool found = false;
  for (int level = std::min(settings.top_level, previous.levels() - 1); level >= 0; --level) {
    const float scale = 1.0F / static_cast<float>(1 << level);
    const FloatPlane& plane = previous.level(level);
    const Point centre = from * scale;
    if (!plane.holds<kFlowPatch>(centre)) return false;
    plane.sample<kFlowPatch>(centre, patch);
    target.prepare(patch, centre, plane.size());
    Point at = to * scale;
    found = target.align(current.level(level), at, settings.iterations, settings.epsilon);
    if (found) to = at * static_cast<float>(1 << level);
  }
  return found;
}

}  // namespace magma
