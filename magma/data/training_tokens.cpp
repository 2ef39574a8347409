#include "magma/data/training_tokens.h"

#include <utility>

#include "magma/core/error.h"
#include "magma/text/tokenizer_file.h"

namespace magma {

TrainingTokens read_training_tokens(const Path& folder, const DataConfig& config) {
  TokenizerFolder read = read_tokenizer_folder(folder);
  if (read.chat_template.empty()) {
    throw Error(ErrorCode::Usage, {.file = folder.string(), .what = "the tokenizer has no chat template"});
  }
  std::vector<std::string> wanted = {"<image>", "<pad>"};
  if (config.trace_start_end) wanted.insert(wanted.end(), {"<trace_start>", "<trace_end>"});
  if (config.image_start_end) wanted.insert(wanted.end(), {"<image_start>", "<image_end>"});
  wanted.emplace_back("<action>");
  TokenizerRules rules = read.tokenizer.rules();
  TokenId next = read.tokenizer.size();
  for (const std::string& content : wanted) {
    if (read.tokenizer.find(content) == kNoToken) rules.added.push_back({.id = next++, .content = content});
  }
  Tokenizer tokenizer = std::move(read.tokenizer).with_rules(std::move(rules));
  const ActionBins bins(tokenizer.base_size());
  TrainingTokens tokens{.tokenizer = std::move(tokenizer),
                        .chat = ChatTemplate::recognise(read.chat_template, read.begin_text, read.end_text),
                        .bins = bins};
  tokens.image = tokens.tokenizer.find("<image>");
  tokens.pad = tokens.tokenizer.find("<pad>");
  tokens.action = tokens.tokenizer.find("<action>");
  return tokens;
}

}  // namespace magma
