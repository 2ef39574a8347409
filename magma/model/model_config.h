// The configuration of a model folder: config.json, generation_config.json. Fields and rules: model.md 0.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "magma/core/file.h"
#include "magma/core/json.h"
#include "magma/nn/rope.h"

namespace magma {

struct VisionConfig {
  std::string backbone = "convnextxxlarge";
  std::array<int64_t, 4> depths = {3, 4, 30, 3};
  std::array<int64_t, 4> dims = {384, 768, 1536, 3072};
  float epsilon = 1e-5F;
  std::string anyres_strategy = "crop";  // crop or global
  int64_t mm_hidden_size = 3072;
  int64_t projector_layers = 2;
  bool use_im_start_end = false;  // two more tensors in the file, never read
};

struct TextConfig {
  std::string model_type = "llama";
  int64_t hidden_size = 0, intermediate_size = 0;
  int64_t num_hidden_layers = 0, num_attention_heads = 0, num_key_value_heads = 0, head_dim = 0;
  double rms_norm_eps = 1e-5;
  RopeConfig rope;
  int64_t rotary_width = 0;  // of a head, the part that turns
  int64_t max_position_embeddings = 0;
  int64_t sliding_window = 0;  // 0: none
  bool attention_bias = false, mlp_bias = false, tie_word_embeddings = false;
  int64_t vocab_size = 0;  // 0: not given
  std::string vocab_size_pointer;
  double initializer_range = 0.02;
};

struct MagmaConfig {
  std::string file;  // that it was read from, for errors
  TextConfig text;
  std::optional<VisionConfig> vision;  // none: a language model alone
  int64_t image_token_index = -1;      // -1: none
  int64_t img_size = 512;
  bool wrap_images = false;  // mm_use_image_start_end
  std::string torch_dtype = "bfloat16";
};

struct GenerationConfig {
  std::vector<int64_t> eos_token_ids;
  std::optional<int64_t> bos_token_id, pad_token_id;
};

// Error(Malformed) with the JSON pointer for a value that is missing, mistyped or out of range; Error(Refused) for an
// architecture we do not have. Keys that name code to load are never acted on.
MagmaConfig parse_model_config(const Json& root, const std::string& file);
MagmaConfig read_model_config(const Path& folder);
GenerationConfig parse_generation_config(const Json& root, const std::string& file);
GenerationConfig read_generation_config(const Path& folder);  // without the file: what config.json says

}  // namespace magma
