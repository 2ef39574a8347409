#include "magma/model/gguf_model.h"

#include <algorithm>
#include <numeric>

#include "magma/core/error.h"
#include "magma/nn/gguf_llama.h"
#include "magma/nn/gguf_panels.h"
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

// Of a tensor whose blocks are not kept.
DType type_in_memory(const GgufLlamaTensor& tensor, GgufTensorType type, Precision precision) {
  const bool stored = precision == Precision::Stored || tensor.shape.size() < 2;
  return precision == Precision::F32 || (stored && type == GgufTensorType::F32) ? DType::F32 : DType::BF16;
}

bool keeps_blocks(const GgufLlamaTensor& tensor, GgufTensorType type, Precision precision) {
  return precision == Precision::Stored && tensor.shape.size() == 2 && panel_format(type);
}

Tensor read_tensor(const GgufFile& file, const GgufLlamaTensor& tensor, Precision precision) {
  Tensor values =
      Tensor::uninitialised(tensor.shape, type_in_memory(tensor, file.tensor(tensor.source).type, precision));
  const bool exact = values.dtype() == DType::F32;
  const auto count = static_cast<size_t>(tensor.count());
  if (exact) {
    read_gguf_llama_tensor(file, tensor, std::span(values.mutable_floats(), count));
  } else {
    read_gguf_llama_tensor(file, tensor, std::span(static_cast<uint16_t*>(values.mutable_data()), count));
  }
  return values;
}

// The codes as they are, in another order, panel by panel.
Tensor read_panels(const GgufFile& file, const GgufLlamaTensor& tensor, GgufTensorType type, Team& team) {
  Tensor result = Tensor::quantised(tensor.shape, *panel_format(type));
  const QuantisedMatrix matrix = result.quantised_matrix();
  const GgufTypeFacts& facts = gguf_type_facts(type);
  const int64_t row_bytes = matrix.K / facts.values * facts.bytes;
  // Rows of a head stand elsewhere in the file, but in the same head.
  const int64_t step = tensor.rotary_head == 0 ? kQuantisedPanel : std::lcm(kQuantisedPanel, tensor.rotary_head);
  auto* panels = static_cast<uint8_t*>(result.mutable_data());
  team.run((matrix.N + step - 1) / step, [&](int64_t part) {
    const int64_t first = part * step, rows = std::min(step, matrix.N - first);
    std::string blocks(static_cast<size_t>(rows * row_bytes), '\0');
    file.read_blocks(tensor.source, first, blocks);
    std::vector<const char*> starts;
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t stored = tensor.rotary_head == 0 ? r : interleaved_rotary_row(r, tensor.rotary_head);
      starts.push_back(blocks.data() + stored * row_bytes);
    }
    for (int64_t r = 0; r < rows; r += kQuantisedPanel) {
      const auto count = static_cast<size_t>(std::min(kQuantisedPanel, rows - r));
      write_gguf_panel(type, std::span(starts).subspan(static_cast<size_t>(r), count), matrix,
                       (first + r) / kQuantisedPanel, panels);
    }
  });
  return result;
}

}  // namespace

MagmaConfig read_gguf_config(const GgufFile& file, const std::string& name) {
  return config_of(read_gguf_llama(file), name);
}

GgufModel read_gguf_model(const GgufFile& file, const std::string& name, int threads, Precision precision) {
  const GgufLlama llama = read_gguf_llama(file);
  GgufModel model{config_of(llama, name), {}};
  Team team(threads);
  std::vector<GgufLlamaTensor> floats;
  for (const GgufLlamaTensor& tensor : gguf_llama_tensors(file, llama)) {
    const GgufTensorType type = file.tensor(tensor.source).type;
    if (keeps_blocks(tensor, type, precision)) {
      model.weights.emplace(tensor.name, read_panels(file, tensor, type, team));
    } else {
      floats.push_back(tensor);
    }
  }
  std::vector<Tensor> tensors(floats.size());
  team.run(static_cast<int64_t>(floats.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    tensors[at] = read_tensor(file, floats[at], precision);
  });
  for (size_t i = 0; i < floats.size(); ++i) model.weights.emplace(floats[i].name, std::move(tensors[i]));
  return model;
}

std::map<std::string, int64_t> gguf_weight_bytes(const Path& path, Precision precision) {
  const GgufFile file(path);
  std::map<std::string, int64_t> bytes;
  for (const GgufLlamaTensor& tensor : gguf_llama_tensors(file, read_gguf_llama(file))) {
    const GgufTensorType type = file.tensor(tensor.source).type;
    if (keeps_blocks(tensor, type, precision)) {
      bytes[tensor.name] = QuantisedMatrix{tensor.shape[0], tensor.shape[1], *panel_format(type)}.bytes();
    } else {
      bytes[tensor.name] = tensor.count() * dtype_bytes(type_in_memory(tensor, type, precision));
    }
  }
  return bytes;
}

}  // namespace magma
