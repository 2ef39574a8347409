#include "magma/model/gguf_model.h"

#include "magma/core/error.h"
#include "magma/nn/gguf_llama.h"
#include "magma/nn/linear.h"

namespace magma {
namespace {

RopeScaling rope_scaling(const GgufLlama& llama, const std::string& file) {
  const GgufRopeScaling& stored = llama.rope_scaling;
  RopeScaling scaling;
  if (stored.kind == "linear" || stored.kind == "yarn") {
    scaling.type = stored.kind;
    scaling.factor = stored.factor;
    scaling.original_max_position_embeddings = stored.original_context;
  }
  const bool factors = !stored.frequency_factors.empty();
  if (stored.kind == "longrope" || (factors && scaling.type != "default")) {
    throw Error(ErrorCode::Refused, {.file = file,
                                     .where = "metadata llama.rope.scaling.type",
                                     .what = "rotary scaling not supported in a GGUF file",
                                     .expected = "none, linear or yarn, or factors of the frequencies alone",
                                     .got = stored.kind});
  }
  if (!factors) return scaling;
  scaling.type = "factors";
  scaling.short_factor.assign(stored.frequency_factors.begin(), stored.frequency_factors.end());
  return scaling;
}

MagmaConfig config_of(const GgufLlama& llama, const std::string& file) {
  MagmaConfig config;
  config.file = file;
  TextConfig& text = config.text;
  text.hidden_size = llama.hidden;
  text.intermediate_size = llama.feed_forward;
  text.num_hidden_layers = llama.layers;
  text.num_attention_heads = llama.heads;
  text.num_key_value_heads = llama.key_value_heads;
  text.head_dim = llama.head;
  text.rms_norm_eps = llama.rms_epsilon;
  text.rotary_width = llama.head;
  text.max_position_embeddings = llama.context;
  text.rope = {.width = llama.head,
               .theta = llama.rope_base,
               .max_position_embeddings = llama.context,
               .scaling = rope_scaling(llama, file)};
  text.tie_word_embeddings = llama.tied;
  text.vocab_size = llama.vocabulary;
  text.vocab_size_pointer = "metadata llama.vocab_size";
  return config;
}

Tensor read_tensor(const GgufFile& file, const GgufLlamaTensor& tensor, Precision precision) {
  const bool stored = precision == Precision::Stored || tensor.shape.size() < 2;
  const bool exact = precision == Precision::F32 || (stored && file.tensor(tensor.source).type == GgufTensorType::F32);
  Tensor values = Tensor::uninitialised(tensor.shape, exact ? DType::F32 : DType::BF16);
  const auto count = static_cast<size_t>(tensor.count());
  if (exact) {
    read_gguf_llama_tensor(file, tensor, std::span(values.mutable_floats(), count));
  } else {
    read_gguf_llama_tensor(file, tensor, std::span(static_cast<uint16_t*>(values.mutable_data()), count));
  }
  return values;
}

}  // namespace

MagmaConfig read_gguf_config(const GgufFile& file, const std::string& name) {
  return config_of(read_gguf_llama(file), name);
}

GgufModel read_gguf_model(const Path& path, int threads, Precision precision) {
  const GgufFile file(path);
  const GgufLlama llama = read_gguf_llama(file);
  GgufModel model{config_of(llama, path.string()), {}};
  const std::vector<GgufLlamaTensor> list = gguf_llama_tensors(file, llama);
  std::vector<Tensor> tensors(list.size());
  Team team(threads);
  team.run(static_cast<int64_t>(list.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    tensors[at] = read_tensor(file, list[at], precision);
  });
  for (size_t i = 0; i < list.size(); ++i) model.weights.emplace(list[i].name, std::move(tensors[i]));
  return model;
}

}  // namespace magma
