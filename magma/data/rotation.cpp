#include "magma/data/rotation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace magma {
namespace {

constexpr float kTiny = 2 * std::numeric_limits<float>::epsilon();
constexpr float kGimbal = 1e-6F;

float sign(float value) { return value >= 0 ? 1.0F : -1.0F; }
float cosine(float value) { return std::clamp(value, -1.0F, 1.0F); }
float away_from_zero(float value) { return value + sign(value) * kTiny; }

}  // namespace

std::array<float, 3> euler_angles(const std::array<float, 4>& quaternion) {
  const auto [x, y, z, w] = quaternion;
  const float tx = 2 * x, ty = 2 * y, tz = 2 * z;
  const float r20 = cosine(tz * x - ty * w);
  if (std::abs(std::abs(r20) - 1) < kGimbal) {
    const float r01 = cosine(ty * x - tz * w), r02 = cosine(tz * x + ty * w);
    const float side = sign(r20);
    return {std::atan2(-side * r01, -side * away_from_zero(r02)), -side * std::numbers::pi_v<float> / 2, 0};
  }
  const float r00 = away_from_zero(cosine(1 - (ty * y + tz * z))), r10 = cosine(ty * x + tz * w);
  const float r21 = cosine(tz * y + tx * w), r22 = away_from_zero(cosine(1 - (tx * x + ty * y)));
  const float pitch = -std::asin(r20);
  const float side = sign(std::cos(pitch));
  return {std::atan2(r21 * side, r22 * side), pitch, std::atan2(r10 * side, r00 * side)};
}

}  // namespace magma
