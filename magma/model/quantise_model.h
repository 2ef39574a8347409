// A model folder with quantised matrices from one with floating-point weights.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "magma/core/file.h"
#include "magma/kernel/quantised_matrix.h"
#include "magma/model/calibration.h"
#include "magma/model/model_config.h"
#include "magma/nn/tensor.h"

namespace magma {

struct QuantiseOptions {
  QuantisedFormat format{QuantisedKind::Int4, 32};
  // Of embedding, head, first and last layer, where errors cost most: int8 in groups of 32, unless this is off.
  bool sensitive_in_int8 = true;
  int64_t shard_bytes = int64_t{1} << 30U;
  int threads = 1;  // never changes the result
  // GPTQ (nn/error_feedback.h) for the linear layers of the decoder, whatever their format. None: each weight is
  // rounded for itself.
  std::optional<CalibrationOptions> calibration{};
};

// The rule: matrices of the decoder in `format`; those of the vision tower's blocks in int8; patches, projector, norms,
// biases and whatever is no matrix stay as they are.
std::optional<QuantisedFormat> quantised_format_of(const std::string& canonical_name, const Shape& shape,
                                                   const TextConfig& text, const QuantiseOptions& options);

struct QuantiseSummary {
  int64_t tensors = 0, quantised = 0, parameters = 0;
  int64_t bytes_before = 0, bytes = 0;
  int64_t calibrated = 0;                // of the quantised ones
  int64_t shards = 0, shards_found = 0;  // found: written by an earlier run with the same options, and kept
};

// One tensor at a time in memory; with a calibration also the model while it reads the text, and some inputs' moments.
// The index comes last: a run that was killed leaves a folder that no one can load and that the same call completes.
// Other files of the folder are copied; config.json gains "quantization_config". Error(Usage) for a folder that holds
// another model, Error(Refused) for a source that is quantised already.
QuantiseSummary quantise_model(const Path& source, const Path& folder, const QuantiseOptions& options,
                               const std::function<void(int64_t parameters)>& progress);

// What quantise_model() will tell `progress` in all.
int64_t parameters_of(const Path& source);

}  // namespace magma
