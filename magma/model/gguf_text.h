// The tokenizer and the chat template of a GGUF file.
#pragma once

#include "magma/core/file.h"
#include "magma/text/tokenizer_file.h"

namespace magma {

struct GgufText {
  TokenizerFolder text;
  std::vector<int64_t> stop_ids{};  // end of text and end of turn
};

// Byte-level BPE alone: Error(Refused) for SentencePiece and for pre-tokenisers we do not have, by name.
GgufText read_gguf_text(const Path& path);

}  // namespace magma
