// A page of samples: pictures as the trainer sees them, conversations, tokens with their loss, actions.
#pragma once

#include <string>

#include "magma/core/file.h"
#include "magma/data/data_config.h"
#include "magma/data/sample.h"
#include "magma/data/training_tokens.h"

namespace magma {

// One HTML file with everything inside, whole once finish() returns and absent before.
class SamplePage {
 public:
  // `tokens`: may be nullptr, then no tokens are shown; outlives the page.
  SamplePage(const Path& file, const std::string& title, const DataConfig& config, const TrainingTokens* tokens);
  void add(const Sample& sample);  // Error of a picture that cannot be decoded, of tokens that cannot be made
  void finish();

 private:
  AtomicFile file_;
  DataConfig config_;
  const TrainingTokens* tokens_;
};

}  // namespace magma
