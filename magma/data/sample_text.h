// A sample for people to read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "magma/data/labels.h"
#include "magma/data/sample.h"
#include "magma/data/training_tokens.h"

namespace magma {

// Several lines: where it comes from, its pictures, each turn, the action in physical units.
void append_text(std::string& out, const Sample& sample);

// Neighbouring tokens that all carry loss or all carry none.
struct TokenRun {
  std::string text;  // decoded, special tokens spelled out
  bool loss = false;
};
std::vector<TokenRun> token_runs(const LabelledTokens& tokens, const Tokenizer& tokenizer);
int64_t tokens_with_loss(const LabelledTokens& tokens);

// What the tokens say; those with loss are green where there is colour, else between double angle brackets.
void append_tokens(std::string& out, const LabelledTokens& tokens, const Tokenizer& tokenizer, bool colour);

}  // namespace magma
