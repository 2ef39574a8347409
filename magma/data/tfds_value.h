// Values of the features of one episode, out of its Example. Source: data_formats.md 1.6.
#pragma once

#include <cstdint>
#include <string>

#include "magma/core/error.h"
#include "magma/data/example_proto.h"
#include "magma/data/stored_value.h"
#include "magma/data/tfds_features.h"

namespace magma {

// Steps of the episode, as `feature` has them: one level of sequences, the steps'. Malformed as below.
int64_t count_steps(const TfdsFeature& feature, const Example& example);

// Malformed, naming the feature, when the values are not of its kind, do not fill its shape or its steps, or do not fit
// its dtype; Refused for tensors that unpack to too much.
StoredValue decode_feature(const TfdsFeature& feature, const Example& example, int64_t steps);

// Keys of the Example that belong to the feature.
std::vector<std::string> stored_keys(const TfdsFeature& feature);

}  // namespace magma
