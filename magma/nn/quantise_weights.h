// Matrices in floating point -> quantised panels.
#pragma once

#include <span>

#include "magma/kernel/team.h"
#include "magma/nn/error_feedback.h"
#include "magma/nn/tensor.h"

namespace magma {

// Each group gets the scale (and offset) with the least squared error among some near the one that spans its values,
// fitted to the codes by least squares. `importance` [K], of the inputs: weights of the squared errors, the mean square
// of what a calibration saw (the diagonal of GPTQ's Hessian, arXiv 2210.17323); empty: all alike. The same for any
// number of threads. Values that are no numbers are Error(Malformed) naming row and column.
Tensor quantise_matrix(const Tensor& matrix, QuantisedFormat format, std::span<const float> importance, Team& team);

// GPTQ (error_feedback.h): inputs in order, each rounded after the errors of those before it were made good. The scale
// of a group is chosen when its turn comes, for the weights as they are by then.
Tensor quantise_matrix(const Tensor& matrix, QuantisedFormat format, const ErrorFeedback& feedback, Team& team);

}  // namespace magma
