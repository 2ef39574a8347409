// A sample for people to read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "magma/data/labels.h"
#include "magma/data/sample.h"
#include "magma/data/training_tokens.h"

namespace magma {

// What the numbers of an action are measured in.
inline constexpr const char* kActionUnits = "moves as stored, turns in rad, gripper 1 open and 0 closed";

// Several lines: where it comes from, its pictures, each turn, the action as stored, normalised and as a bin. Of a
// picture's file only the header is read, and it may be absent.
void append_text(std::string& out, const Sample& sample);
// A number of the action in physical units; "unknown" of data that has it normalised alone.
std::string stored_text(const Sample& sample, size_t axis);
// Characters that move the cursor, change colours or reorder a line become '?'; line ends and tabs stay.
std::string printable(std::string_view text);

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
