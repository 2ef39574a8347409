// Pre-tokenisation: where a text is cut into words before their bytes are merged. Hand-written scanners for the
// regular expressions that tokenizer files carry: linear time, whatever the text. Source: model.md 6.2.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace magma {

enum class WordRules {
  Llama3,  // up to three digits together, contractions in any case
  Qwen2,   // as Llama3, digits one by one
  Gpt2,    // contractions in lower case, any number of digits
  SmolLm   // digits one by one, then Gpt2 between them
};

std::string_view word_rules_name(WordRules rules);
std::optional<WordRules> word_rules_of_pattern(std::string_view regex);  // as tokenizer.json has it
std::optional<WordRules> word_rules_of_gguf(std::string_view name);      // tokenizer.ggml.pre

// End of the word that begins at byte `begin` of `segment`: begin < end <= segment.size(). The end of the segment
// counts as the end of the text. A byte that is not UTF-8 counts as a symbol.
size_t word_end(WordRules rules, std::string_view segment, size_t begin);

}  // namespace magma
