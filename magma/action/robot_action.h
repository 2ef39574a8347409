// What a robot is told: seven numbers. Source: agents_and_serving.md 10.1.
#pragma once

#include <array>
#include <cstddef>

namespace magma {

inline constexpr size_t kActionNumbers = 7;
// Moves of the end effector, m; turns, rad; gripper, 1 open and 0 closed.
inline constexpr std::array<const char*, kActionNumbers> kActionAxes = {"x",     "y",   "z",      "roll",
                                                                        "pitch", "yaw", "gripper"};

using ActionNumbers = std::array<double, kActionNumbers>;

}  // namespace magma
