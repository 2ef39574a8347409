#include "magma/data/gripper.h"

#include <algorithm>

namespace magma {
namespace {

constexpr float kOpenAbove = 0.95F, kClosedBelow = 0.05F;
constexpr float kMoves = 0.1F;  // a relative command beyond it

// 1 opens, -1 closes, 0 changes nothing.
int command(float relative) {
  if (relative < -kMoves) return 1;
  return relative > kMoves ? -1 : 0;
}

}  // namespace

void invert(std::span<float> values) {
  for (float& value : values) value = 1 - value;
}

void clip_to_unit(std::span<float> values) {
  for (float& value : values) value = std::clamp(value, 0.0F, 1.0F);
}

void binarize_gripper(std::span<float> gripper) {
  if (gripper.empty()) return;
  float reached = gripper.back();
  for (size_t i = gripper.size(); i-- > 0;) {
    if (gripper[i] > kOpenAbove) {
      reached = 1;
    } else if (gripper[i] < kClosedBelow) {
      reached = 0;
    }
    gripper[i] = reached;
  }
}

void absolute_gripper(std::span<float> gripper) {
  const auto first = std::find_if(gripper.begin(), gripper.end(), [](float value) { return command(value) != 0; });
  // Before its first command a gripper is what that command changes; without any it is open.
  int state = first == gripper.end() ? 1 : -command(*first);
  for (float& value : gripper) {
    if (const int told = command(value); told != 0) state = told;
    value = static_cast<float>(state) / 2 + 0.5F;
  }
}

}  // namespace magma
