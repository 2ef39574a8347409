// The tokenizer and the chat template of a GGUF file.
#pragma once

#include "magma/nn/gguf.h"
#include "magma/text/tokenizer_file.h"

namespace magma {

struct GgufText {
  TokenizerFolder text;
  std::vector<int64_t> stop_ids{};  // end of text and end of turn
};

// Byte-level BPE alone: Error(Refused) for SentencePiece and for pre-tokenisers we do not have, by name.
// `name`: what errors say.
GgufText read_gguf_text(const GgufFile& file, const std::string& name);

}  // namespace magma
