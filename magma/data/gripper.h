// Gripper columns of robot data sets: to absolute numbers, 1 open and 0 closed. In float, as the TensorFlow pipeline
// computes them. Source: data_formats.md 2.4.
#pragma once

#include <span>

namespace magma {

void invert(std::span<float> values);             // 1 - g
void clip_to_unit(std::span<float> values);       // to [0, 1]
void binarize_gripper(std::span<float> gripper);  // in between: what is reached afterwards
void absolute_gripper(std::span<float> gripper);  // from +1 closing, -1 opening, 0 as it is

}  // namespace magma
