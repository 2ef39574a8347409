// Calibration: what the linear layers of a decoder are given when the model reads a text, for rounding its weights.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "magma/model/text_samples.h"
#include "magma/nn/error_feedback.h"

namespace magma {

struct CalibrationOptions {
  TextSampleOptions samples{.text = {}, .images = {}, .tokens = 4096};
  int64_t moments_bytes = int64_t{1} << 30U;  // of one pass over the samples; at least one layer's inputs
  std::function<void(int64_t pass, int64_t places)> progress{};  // places of this pass so far
};

struct CalibratedWeight {
  std::string name;  // canonical
  int64_t inputs = 0;
};

// Weights that read the same inputs share their moments. A pass reads all samples with the model as it is stored and
// keeps the moments of as many inputs as there is room for, those first that are asked for first.
class Calibration {
 public:
  // Error(Usage) for a text shorter than one window, or images where the model sees none.
  Calibration(Path model, CalibrationOptions options, int threads);

  // "layer.3.mlp", as network.h has it; none: no linear layer of the decoder. Of an embedding: where it is the head
  // too.
  static std::optional<std::string> input_of(const std::string& weight);
  // What decides the result beside the model.
  const std::string& digest() const { return digest_; }
  // The weights that will be asked for, in that order.
  void expect(const std::vector<CalibratedWeight>& weights);
  // Good until the next call. Only for expected weights.
  const ErrorFeedback& feedback(const std::string& weight, Team& team);

 private:
  using Inputs = std::vector<std::pair<std::string, int64_t>>;  // with their widths
  void read_samples(const std::string& first, Team& team);

  Path model_;
  CalibrationOptions options_;
  int threads_;
  TextSamples samples_;
  std::string digest_;
  Inputs inputs_;  // as they will be asked for first
  std::map<std::string, InputMoments> moments_;
  std::map<std::string, ErrorFeedback> feedbacks_;  // of moments that are gone
  int64_t passes_ = 0;
};

}  // namespace magma
