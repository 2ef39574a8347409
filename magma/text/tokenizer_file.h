// The tokenizer of a model folder: tokenizer.json and tokenizer_config.json of Hugging Face.
#pragma once

#include <string>

#include "magma/core/file.h"
#include "magma/text/tokenizer.h"

namespace magma {

// tokenizer.json alone; what belongs to tokenizer_config.json stays at its default. Everything in the file is either
// followed exactly or refused by name: Error(Malformed) for what is not a tokenizer, Error(Refused) for what is not
// supported.
Tokenizer read_tokenizer(const Path& tokenizer_json);
Tokenizer parse_tokenizer(std::string_view json, const std::string& file);

struct TokenizerFolder {
  Tokenizer tokenizer;
  std::string chat_template{};  // as the folder has it; empty: none
  std::string begin_text{};     // content of the begin and end tokens, for the template; may be empty
  std::string end_text{};
};

// tokenizer.json, with tokenizer_config.json and chat_template.jinja where they exist. Error(Malformed) where the two
// disagree about an added token.
TokenizerFolder read_tokenizer_folder(const Path& folder);

}  // namespace magma
