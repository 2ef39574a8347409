// A model folder with random weights for a configuration: small ones for tests, full shapes for memory and speed.
#pragma once

#include "magma/model/model_config.h"
#include "magma/nn/safetensors.h"

namespace magma {

struct InitOptions {
  uint64_t seed = 0;
  DType dtype = DType::BF16;  // or F32
  int64_t shard_bytes = int64_t{5} << 30U;
  int threads = 1;  // never changes the result
};

struct InitSummary {
  int64_t tensors = 0, parameters = 0, bytes = 0, shards = 0;
};

// Matrices from a normal distribution with the configuration's initializer_range, biases and separators 0, norms 1,
// gamma 1e-6 (model.md 2.3). Makes the folder; one that holds weights already is Error(Usage).
InitSummary write_random_model(const Path& config_file, const Path& folder, const InitOptions& options);

}  // namespace magma
