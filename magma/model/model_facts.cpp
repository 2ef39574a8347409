#include "magma/model/model_facts.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "magma/model/weight_names.h"

namespace magma {
namespace {

struct PartPrefix {
  const char* prefix;
  const char* part;
};
// The first that fits counts.
constexpr std::array<PartPrefix, 6> kParts = {{{"vision_tower.", "vision tower"},
                                               {"multi_modal_projector.", "projector"},
                                               {"language_model.model.embed_tokens.", "embedding"},
                                               {"language_model.model.layers.", "layers"},
                                               {"language_model.lm_head.", "head"},
                                               {"language_model.model.norm.", "last norm"}}};

const char* part_of(const std::string& name) {
  if (is_unused_name(name)) return "never used";
  for (const PartPrefix& known : kParts) {
    if (name.starts_with(known.prefix)) return known.part;
  }
  return "other";
}

Json vision_facts(const MagmaConfig& config) {
  if (!config.vision) return "none";
  return {{"backbone", config.vision->backbone},
          {"depths", config.vision->depths},
          {"dims", config.vision->dims},
          {"crop_px", config.img_size},
          {"strategy", config.vision->anyres_strategy}};
}

Json text_facts(const TextConfig& text) {
  return {{"type", text.model_type},
          {"hidden", text.hidden_size},
          {"layers", text.num_hidden_layers},
          {"heads", text.num_attention_heads},
          {"key_value_heads", text.num_key_value_heads},
          {"feed_forward", text.intermediate_size},
          {"longest_context", text.max_position_embeddings}};
}

}  // namespace

std::vector<ModelPart> parts_of(const WeightMap& canonical) {
  std::vector<ModelPart> parts;
  for (const auto& [name, tensor] : canonical) {
    const char* part = part_of(name);
    auto found = std::find_if(parts.begin(), parts.end(), [&](const ModelPart& known) { return known.name == part; });
    if (found == parts.end()) found = parts.insert(parts.end(), {.name = part});
    ++found->tensors;
    found->parameters += tensor.count();
    found->bytes += tensor.bytes();
  }
  return parts;
}

int64_t cache_bytes(const TextConfig& text, int64_t tokens, CacheFormat format) {
  constexpr int64_t kKeysAndValues = 2;
  return kKeysAndValues * text.num_hidden_layers * text.num_key_value_heads * cache_row_bytes(format, text.head_dim) *
         tokens;
}

Json model_folder_facts(const Path& folder, int64_t tokens) {
  const MagmaConfig config = read_model_config(folder);
  const WeightMap weights = with_canonical_names(map_weight_folder(folder), folder.string());
  Json parts = Json::object(), formats = Json::object();
  int64_t parameters = 0, bytes = 0;
  for (const ModelPart& part : parts_of(weights)) {
    const double bits =
        8 * static_cast<double>(part.bytes) / static_cast<double>(std::max<int64_t>(1, part.parameters));
    parts[part.name] = {
        {"tensors", part.tensors}, {"parameters", part.parameters}, {"bytes", part.bytes}, {"bits_per_weight", bits}};
    parameters += part.parameters;
    bytes += part.bytes;
  }
  for (const auto& [name, tensor] : weights) {
    const std::string format =
        tensor.is_quantised() ? format_name(tensor.quantised_matrix().format) : std::string(dtype_name(tensor.dtype()));
    formats[format] = formats.value(format, 0) + 1;
  }
  const int64_t context = tokens > 0 ? tokens : config.text.max_position_embeddings;
  constexpr int64_t kHalf = 2, kFull = 4;
  return {{"kind", config.vision ? "Magma model folder" : "language model folder"},
          {"text", text_facts(config.text)},
          {"vision", vision_facts(config)},
          {"parts", parts},
          {"parameters", parameters},
          {"tensors_by_type", formats},
          {"bytes", bytes},
          {"memory",
           {{"context", context},
            {"weights_stored", bytes},
            {"weights_bf16", parameters * kHalf},
            {"weights_f32", parameters * kFull},
            {"cache_f32", cache_bytes(config.text, context, CacheFormat::F32)},
            {"cache_bf16", cache_bytes(config.text, context, CacheFormat::BF16)},
            {"cache_int8", cache_bytes(config.text, context, CacheFormat::Int8)}}}};
}

}  // namespace magma
