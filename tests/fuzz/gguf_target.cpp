#include <memory>
#include <vector>

#include "magma/nn/gguf_llama.h"
#include "magma/nn/gguf_tokenizer.h"
#include "tests/fuzz/fuzz_target.h"

namespace magma {
namespace {

void demand_tensors(const GgufFile& file, int64_t file_bytes) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    const GgufTypeFacts& facts = gguf_type_facts(tensor.type);
    demand(tensor.begin >= 0 && tensor.begin <= tensor.end, "a tensor is a range");
    demand(tensor.end <= file_bytes, "a tensor lies in the file");
    bytes += tensor.end - tensor.begin;
    const auto count = unless_refused([&entry = tensor] { return entry.count(); });
    if (!count) continue;
    demand(*count / facts.values * facts.bytes == tensor.end - tensor.begin, "a shape is its bytes");
    std::vector<float> values(static_cast<size_t>(*count));
    unless_refused([&, &which = name] {
      file.read_rows(which, 0, std::span(values));
      return true;
    });
  }
  demand(bytes < file_bytes, "tensors do not overlap");
}

void demand_tokenizer(const GgufTokenizer& tokenizer) {
  const auto tokens = static_cast<int64_t>(tokenizer.tokens.size());
  demand(tokens > 0, "there are tokens");
  demand(tokenizer.types.empty() || tokenizer.types.size() == tokenizer.tokens.size(), "every token has a type");
  demand(tokenizer.scores.empty() || tokenizer.scores.size() == tokenizer.tokens.size(), "every token has a score");
  for (const auto& id : {tokenizer.bos, tokenizer.eos, tokenizer.end_of_turn, tokenizer.unknown, tokenizer.padding}) {
    demand(!id || (*id >= 0 && *id < tokens), "an id is that of a token");
  }
}

}  // namespace

void fuzz_gguf(std::string_view bytes) {
  const Path path = fuzz_file("gguf", "input.gguf", bytes);
  const auto file = unless_refused([&] { return std::make_unique<GgufFile>(path); });
  if (!file) return;
  demand_tensors(**file, static_cast<int64_t>(bytes.size()));
  if (const auto tokenizer = unless_refused([&] { return read_gguf_tokenizer((*file)->metadata()); })) {
    demand_tokenizer(*tokenizer);
  }
  const auto llama = unless_refused([&] { return read_gguf_llama(**file); });
  if (!llama) return;
  demand(llama->heads % llama->key_value_heads == 0 && llama->head % 2 == 0, "heads divide");
  int64_t taken = 0;
  const auto whole = unless_refused([&] {
    for_each_gguf_llama_tensor(**file, *llama, [&](const GgufLlamaTensor& tensor, std::span<const float> values) {
      demand(static_cast<int64_t>(values.size()) == tensor.count(), "a tensor has the values of its shape");
      ++taken;
    });
    return true;
  });
  demand(!whole || taken == 2 + 9 * llama->layers + (llama->tied ? 0 : 1), "every tensor is taken");
}

}  // namespace magma
