#include "magma/track/classical_flow.h"

#include <algorithm>
#include <cmath>

namespace magma {

namespace {

constexpr int kCells = kFlowSide * kFlowSide;
constexpr float kMinEigenvalue = 1e-3F;
constexpr float kMinDeviation = 0.5F;  // grey levels; below it contrast is noise and is left alone
constexpr float kMaxContrast = 2.5F;   // change of contrast from frame to frame that is believed

MAGMA_CPU_CLONES void sample_patch(const FloatPlane& plane, Point centre, float* out) {
  plane.sample<kFlowPatch>(centre, out);
}

}  // namespace

void FlowTemplate::weigh(Point centre, Size frame) {
  constexpr float kHalf = (kFlowSide - 1) / 2.0F;
  weighted_ = !inside(centre, frame, kHalf);
  if (!weighted_) return;
  const auto is_inside = [](float at, int side) { return at >= 0 && at <= static_cast<float>(side - 1); };
  float columns[kFlowSide];
  for (int c = 0; c < kFlowSide; ++c) {
    columns[c] = is_inside(centre.x - kHalf + static_cast<float>(c), frame.w) ? 1.0F : 0.0F;
  }
  for (int r = 0; r < kFlowSide; ++r) {
    const float row = is_inside(centre.y - kHalf + static_cast<float>(r), frame.h) ? 1.0F : 0.0F;
    for (int c = 0; c < kFlowSide; ++c) weight_[r * kFlowSide + c] = row * columns[c];
  }
}

template <bool kWeighted>
MAGMA_INLINE void FlowTemplate::prepare_weighted(const float* patch) {
  alignas(32) float value[kCells];
  for (int r = 0; r < kFlowSide; ++r) {
    const float* at = patch + (r + 2) * kFlowPatch + 2;
    for (int c = 0, i = r * kFlowSide; c < kFlowSide; c += 4, i += 4) {
      store(value + i, load<Float4>(at + c));
      store(gx_ + i, (load<Float4>(at + c + 1) - load<Float4>(at + c - 1)) * 0.5F);
      store(gy_ + i, (load<Float4>(at + c + kFlowPatch) - load<Float4>(at + c - kFlowPatch)) * 0.5F);
    }
  }
  Float8 w = {}, v = {}, vv = {}, gx = {}, gy = {}, gxx = {}, gxy = {}, gyy = {};
  for (int i = 0; i < kCells; i += 8) {
    const Float8 here = load<Float8>(value + i), x = load<Float8>(gx_ + i), y = load<Float8>(gy_ + i);
    Float8 wv = here, wx = x, wy = y;
    if (kWeighted) {
      const Float8 weight = load<Float8>(weight_ + i);
      w += weight;
      wv *= weight;
      wx *= weight;
      wy *= weight;
    }
    v += wv;
    vv += wv * here;
    gx += wx;
    gy += wy;
    gxx += wx * x;
    gxy += wx * y;
    gyy += wy * y;
  }
  total_weight_ = kWeighted ? std::max(sum(w), 1.0F) : static_cast<float>(kCells);
  const float mean = sum(v) / total_weight_, mx = sum(gx) / total_weight_, my = sum(gy) / total_weight_;
  deviation_ = std::sqrt(std::max(0.0F, sum(vv) / total_weight_ - mean * mean));
  for (int i = 0; i < kCells; i += 8) {
    Float8 x = load<Float8>(gx_ + i) - mx, y = load<Float8>(gy_ + i) - my;
    if (kWeighted) {
      x *= load<Float8>(weight_ + i);
      y *= load<Float8>(weight_ + i);
    }
    store(gx_ + i, x);
    store(gy_ + i, y);
  }
  const Sums own = correlate<kWeighted>(value);
  x_ = own.x;
  y_ = own.y;
  const float a = sum(gxx) - mx * mx * total_weight_, b = sum(gxy) - mx * my * total_weight_,
              c = sum(gyy) - my * my * total_weight_;
  min_eigenvalue_ = ((a + c) - std::sqrt((a - c) * (a - c) + 4 * b * b)) / (2 * total_weight_);
  const float determinant = std::max(a * c - b * b, 1e-6F);
  xx_ = c / determinant;
  xy_ = -b / determinant;
  yy_ = a / determinant;
}

template <bool kWeighted>
MAGMA_INLINE FlowTemplate::Sums FlowTemplate::correlate(const float* window) const {
  Float8 v = {}, vv = {}, x = {}, y = {};
  for (int i = 0; i < kCells; i += 8) {
    const Float8 value = load<Float8>(window + i);
    const Float8 weighted = kWeighted ? value * load<Float8>(weight_ + i) : value;
    v += weighted;
    vv += weighted * value;
    x += load<Float8>(gx_ + i) * value;
    y += load<Float8>(gy_ + i) * value;
  }
  return {total_weight_, sum(v), sum(vv), sum(x), sum(y)};
}

template <bool kWeighted>
MAGMA_INLINE bool FlowTemplate::align_weighted(const FloatPlane& plane, Point& at, int iterations,
                                               float epsilon) const {
  alignas(32) float window[kCells];
  Point last = {};
  for (int i = 0; i < iterations; ++i) {
    if (!plane.holds<kFlowSide>(at)) return false;
    plane.sample<kFlowSide>(at, window);
    const Sums sums = correlate<kWeighted>(window);
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

MAGMA_CPU_CLONES void FlowTemplate::prepare(const float* patch, Point centre, Size frame) {
  weigh(centre, frame);
  weighted_ ? prepare_weighted<true>(patch) : prepare_weighted<false>(patch);
}

MAGMA_CPU_CLONES bool FlowTemplate::align(const FloatPlane& plane, Point& at, int iterations, float epsilon) const {
  if (min_eigenvalue_ < kMinEigenvalue) return false;
  return weighted_ ? align_weighted<true>(plane, at, iterations, epsilon)
                   : align_weighted<false>(plane, at, iterations, epsilon);
}

bool follow(const FloatPyramid& previous, const FloatPyramid& current, Point from, Point& to,
            const FlowSettings& settings, FlowTemplate& base, bool base_is_ready) {
  alignas(32) float patch[kFlowPatch * kFlowPatch];
  FlowTemplate coarse;
  bool found = false;
  for (int level = std::min(settings.top_level, previous.levels() - 1); level >= 0; --level) {
    const float scale = 1.0F / static_cast<float>(1 << level);
    const FloatPlane& plane = previous.level(level);
    const Point centre = from * scale;
    FlowTemplate& target = level == 0 ? base : coarse;
    if (!plane.holds<kFlowPatch>(centre)) return false;
    if (level > 0 || !base_is_ready) {
      sample_patch(plane, centre, patch);
      target.prepare(patch, centre, plane.size());
    }
    Point at = to * scale;
    found = target.align(current.level(level), at, settings.iterations, settings.epsilon);
    if (found) to = at * static_cast<float>(1 << level);
  }
  return found;
}

}  // namespace magma
