// What a network shows of its inside to those who compare it with another one.
#pragma once

#include <functional>
#include <string>

#include "magma/nn/tensor.h"

namespace magma {

// Called with the name of a stage ("ladder.stem", "hidden.layer.0") and its output. Empty: nobody looks.
using StageSink = std::function<void(const std::string& name, const Tensor& value)>;

}  // namespace magma
