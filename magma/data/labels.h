// Which tokens of a sample carry loss. Source: data_formats.md 2.11, 5.5; model.md 8.4.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "magma/data/sample.h"
#include "magma/data/training_tokens.h"

namespace magma {

constexpr int64_t kNoLoss = -100;

struct LabelledTokens {
  std::string text;             // the rendered conversation, as given to the tokenizer
  std::vector<int64_t> ids;     // [T], cut at `max_length`
  std::vector<int64_t> labels;  // [T], kNoLoss where there is no loss
};

// A conversation whose turns do not alternate from its first question on carries no loss at all, as the reference has
// it. Error(Malformed) when the placeholders do not agree with the pictures and the action, also after the cut.
LabelledTokens label_tokens(const Sample& sample, const TrainingTokens& tokens, int64_t max_length);

}  // namespace magma
