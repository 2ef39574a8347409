// Turns of robot data sets. Source: data_formats.md 2.5.
#pragma once

#include <array>

namespace magma {

// Roll, pitch, yaw, rad, of the unit quaternion x, y, z, w: R = Rz Ry Rx. In float, as the TensorFlow pipeline
// computes them.
std::array<float, 3> euler_angles(const std::array<float, 4>& quaternion);

}  // namespace magma
