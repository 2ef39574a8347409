#include <set>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "magma/core/limits.h"
#include "magma/nn/gguf_llama.h"

namespace magma {
namespace {

std::vector<GgufLlamaTensor> expected_tensors(const GgufLlama& llama) {
  const int64_t queries = llama.heads * llama.head, keys = llama.key_value_heads * llama.head;
  std::vector<GgufLlamaTensor> all = {
      {"model.embed_tokens.weight", "token_embd.weight", {llama.vocabulary, llama.hidden}}};
  for (int64_t i = 0; i < llama.layers; ++i) {
    const auto add = [&](const char* name, const char* source, std::vector<int64_t> shape, int64_t rotary_head = 0) {
      all.push_back({fmt::format("model.layers.{}.{}.weight", i, name), fmt::format("blk.{}.{}.weight", i, source),
                     std::move(shape), rotary_head});
    };
    add("input_layernorm", "attn_norm", {llama.hidden});
    add("self_attn.q_proj", "attn_q", {queries, llama.hidden}, llama.head);
    add("self_attn.k_proj", "attn_k", {keys, llama.hidden}, llama.head);
    add("self_attn.v_proj", "attn_v", {keys, llama.hidden});
    add("self_attn.o_proj", "attn_output", {llama.hidden, queries});
    add("post_attention_layernorm", "ffn_norm", {llama.hidden});
    add("mlp.gate_proj", "ffn_gate", {llama.feed_forward, llama.hidden});
    add("mlp.up_proj", "ffn_up", {llama.feed_forward, llama.hidden});
    add("mlp.down_proj", "ffn_down", {llama.hidden, llama.feed_forward});
  }
  all.push_back({"model.norm.weight", "output_norm.weight", {llama.hidden}});
  if (!llama.tied) all.push_back({"lm_head.weight", "output.weight", {llama.vocabulary, llama.hidden}});
  return all;
}

std::string described(const std::vector<int64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace

int64_t GgufLlamaTensor::count() const {
  int64_t product = 1;
  for (const int64_t side : shape) product = checked_multiply(product, side, "tensor shape");
  return product;
}

std::vector<GgufLlamaTensor> gguf_llama_tensors(const GgufFile& file, const GgufLlama& llama) {
  std::vector<GgufLlamaTensor> all = expected_tensors(llama);
  std::vector<std::string> faults;
  std::set<std::string> known = {"rope_freqs.weight"};
  for (const GgufLlamaTensor& tensor : all) {
    known.insert(tensor.source);
    const auto found = file.tensors().find(tensor.source);
    if (found == file.tensors().end()) {
      faults.push_back("missing " + tensor.source);
    } else if (found->second.shape != tensor.shape) {
      faults.push_back(
          fmt::format("{} is {}, not {}", tensor.source, described(found->second.shape), described(tensor.shape)));
    } else if (!can_dequantise(found->second.type)) {
      faults.push_back(fmt::format("{} is {}", tensor.source, gguf_type_facts(found->second.type).name));
    }
  }
  for (const auto& [name, tensor] : file.tensors()) {
    if (!known.contains(name)) faults.push_back("unexpected " + name);
  }
  if (faults.empty()) return all;
  throw Error(ErrorCode::Malformed, {.file = file.metadata().file(),
                                     .where = "tensors",
                                     .what = "tensors are not those of the network",
                                     .expected = fmt::format("{} of a Llama of {} layers", all.size(), llama.layers),
                                     .got = fmt::format("{} faults: {}", faults.size(), fmt::join(faults, "; "))});
}

}  // namespace magma
