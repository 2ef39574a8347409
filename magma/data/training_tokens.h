// TrainingTokens: a model's tokenizer with the tokens that training adds. Source: data_formats.md 5.4, model.md 8.5.
#pragma once

#include "magma/action/action_bins.h"
#include "magma/core/file.h"
#include "magma/data/data_config.h"
#include "magma/text/chat_template.h"
#include "magma/text/tokenizer.h"

namespace magma {

struct TrainingTokens {
  Tokenizer tokenizer;
  ChatTemplate chat;
  ActionBins bins;
  TokenId image = kNoToken, pad = kNoToken, action = kNoToken;
};

// Tokens that the folder has keep their ids; those it lacks take the next ones, in the order in which training appends
// them: <image>, <pad>, trace and image brackets where configured, <action>. Error(Usage) without a chat template.
TrainingTokens read_training_tokens(const Path& folder, const DataConfig& config);

}  // namespace magma
