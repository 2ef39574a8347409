// A Llama in a GGUF file: hyperparameters, and tensors under the names, shapes and row order of Hugging Face.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "magma/nn/gguf.h"

namespace magma {

struct GgufRopeScaling {
  std::string kind = "none";  // none, linear, yarn, longrope
  double factor = 1;
  int64_t original_context = 0;  // 0: not stated
  // Each of D/2 inverse frequencies is divided by its factor (the "llama3" scaling as llama.cpp stores it); else empty.
  std::vector<float> frequency_factors;
};

struct GgufLlama {
  int64_t layers = 0;
  int64_t context = 0;       // longest, tokens
  int64_t hidden = 0;        // embedding length
  int64_t feed_forward = 0;  // width between gate/up and down
  int64_t heads = 0, key_value_heads = 0;
  int64_t head = 0;  // D, values of one head
  int64_t vocabulary = 0;
  double rms_epsilon = 0;
  double rope_base = 10'000;
  GgufRopeScaling rope_scaling;
  bool tied = false;  // the file has no output.weight: lm_head is the embedding
};

// Error(Refused) for another general.architecture, for experts and for llama.* keys that would change the network in
// a way unknown here; Error(Malformed) where numbers are missing or disagree.
GgufLlama read_gguf_llama(const GgufFile& file);

struct GgufLlamaTensor {
  std::string name;            // model.layers.0.self_attn.q_proj.weight
  std::string source;          // blk.0.attn_q.weight
  std::vector<int64_t> shape;  // [out, in] or [n]
  int64_t rotary_head = 0;     // D where rows are stored as interleaved rotary pairs, else 0
  int64_t count() const;
};

// All tensors of the network, each present once with the right shape and a type that can be read, and no others:
// anything else is Error(Malformed) that lists what is missing and what is too much. lm_head only where it is not tied.
std::vector<GgufLlamaTensor> gguf_llama_tensors(const GgufFile& file, const GgufLlama& llama);

// tensor.count() values, rows in the order of Hugging Face.
void read_gguf_llama_tensor(const GgufFile& file, const GgufLlamaTensor& tensor, std::span<float> values);
void read_gguf_llama_tensor(const GgufFile& file, const GgufLlamaTensor& tensor, std::span<uint16_t> bf16);

// One tensor at a time, in a buffer that the next one reuses.
void for_each_gguf_llama_tensor(const GgufFile& file, const GgufLlama& llama,
                                const std::function<void(const GgufLlamaTensor&, std::span<const float>)>& take);

// The row of the GGUF file for row `row` of Hugging Face: there each head has the first parts of its D/2 rotary pairs,
// then the second ones; here they alternate.
int64_t interleaved_rotary_row(int64_t row, int64_t head);
// [rows, columns], rows a multiple of `head`: interleaved pairs -> halves.
void unpermute_rotary_rows(std::span<const float> stored, int64_t columns, int64_t head, std::span<float> values);
void unpermute_rotary_rows(std::span<const uint16_t> stored, int64_t columns, int64_t head, std::span<uint16_t> values);

}  // namespace magma
