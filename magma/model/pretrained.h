// Pretrained: a model folder or GGUF file with everything that belongs to it, held to each other while loading.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "magma/action/action_bins.h"
#include "magma/image/image_processor.h"
#include "magma/model/magma.h"
#include "magma/text/chat_template.h"
#include "magma/text/tokenizer_file.h"

namespace magma {

// What stands around the network.
struct PretrainedText {
  std::string source;  // folder or file, as the user gave it
  MagmaConfig config;  // of a GGUF file: its text part alone
  Tokenizer tokenizer;
  std::optional<ChatTemplate> chat;      // none: the model has none
  std::optional<ImageProcessor> images;  // none: the model sees no images
  std::vector<int64_t> stop_ids;
  std::optional<ActionBins> actions;  // none: it knows no robot actions
  std::string image_text;             // what stands in a prompt for one image, without the newline
};

struct Pretrained : PretrainedText {
  std::unique_ptr<Network> network;
};

struct LoadOptions {
  int threads = 1;  // never changes a result
  Precision precision = Precision::Stored;
  CacheFormat cache = CacheFormat::F32;
};

// Without the weights: quick. Error where the parts contradict each other (robustness.md TK-1): <image> is not
// config.json's image_token_index, or a stop id is no token.
PretrainedText load_pretrained_text(const Path& path);
// Error(Malformed) also when the tokenizer has more tokens than the embedding has rows.
Pretrained load_pretrained(const Path& path, const LoadOptions& options);

// That check, for whoever loads the parts one by one.
void require_rows(const PretrainedText& text, int64_t rows);

}  // namespace magma
