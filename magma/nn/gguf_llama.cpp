#include "magma/nn/gguf_llama.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/limits.h"

namespace magma {
namespace {

const std::string kPrefix = "llama.";
constexpr int64_t kMostLayers = 1024;
constexpr int64_t kMostWidth = 1 << 20;
constexpr int64_t kMostContext = int64_t{1} << 31;

// Keys that are read below or say nothing about the network.
constexpr std::array<std::string_view, 21> kKnown = {"block_count",
                                                     "context_length",
                                                     "embedding_length",
                                                     "feed_forward_length",
                                                     "vocab_size",
                                                     "attention.head_count",
                                                     "attention.head_count_kv",
                                                     "attention.key_length",
                                                     "attention.value_length",
                                                     "attention.layer_norm_rms_epsilon",
                                                     "rope.dimension_count",
                                                     "rope.freq_base",
                                                     "rope.scale_linear",
                                                     "rope.scaling.type",
                                                     "rope.scaling.factor",
                                                     "rope.scaling.original_context_length",
                                                     "rope.scaling.finetuned",
                                                     "expert_count",
                                                     "expert_used_count",
                                                     "attention.causal",
                                                     "tensor_data_layout"};

class LlamaReader {
 public:
  explicit LlamaReader(const GgufFile& file) : file_(file), metadata_(file.metadata()) {}

  GgufLlama read() const {
    require_llama();
    GgufLlama llama;
    llama.layers = integer("block_count", 1, kMostLayers);
    llama.context = integer("context_length", 1, kMostContext);
    llama.hidden = integer("embedding_length", 1, kMostWidth);
    llama.feed_forward = integer("feed_forward_length", 1, kMostWidth);
    read_heads(llama);
    llama.vocabulary = read_vocabulary(llama);
    llama.rms_epsilon =
        positive("attention.layer_norm_rms_epsilon", metadata_.number(kPrefix + "attention.layer_norm_rms_epsilon"));
    llama.rope_base =
        positive("rope.freq_base", metadata_.optional_number(kPrefix + "rope.freq_base").value_or(10'000));
    read_rope_scaling(llama);
    llama.tied = !file_.tensors().contains("output.weight");
    return llama;
  }

 private:
  [[noreturn]] void fail(const std::string& name, ErrorCode code, std::string what, std::string expected = "",
                         std::string got = "") const {
    metadata_.fail(kPrefix + name, code, std::move(what), std::move(expected), std::move(got));
  }

  void require_llama() const {
    const std::string architecture = metadata_.text("general.architecture");
    if (architecture != "llama") {
      metadata_.fail("general.architecture", ErrorCode::Refused, "architecture not supported", "llama", architecture);
    }
    for (const auto& [key, value] : metadata_.values()) {
      if (!key.starts_with(kPrefix)) continue;
      const std::string_view name = std::string_view(key).substr(kPrefix.size());
      if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end()) {
        fail(std::string(name), ErrorCode::Refused, "a variant of the network that is not known here");
      }
    }
    if (metadata_.optional_integer(kPrefix + "expert_count").value_or(0) != 0) {
      fail("expert_count", ErrorCode::Refused, "mixtures of experts are not supported");
    }
    if (!metadata_.optional_boolean(kPrefix + "attention.causal").value_or(true)) {
      fail("attention.causal", ErrorCode::Refused, "a variant of the network that is not known here", "true", "false");
    }
    const std::string layout = "tensor_data_layout";
    const std::string found = metadata_.optional_text(kPrefix + layout).value_or("");
    if (!found.empty() && found != "Meta AI original pth") {
      fail(layout, ErrorCode::Refused, "order of the rows not known here", "Meta AI original pth", found);
    }
  }

  int64_t checked(const std::string& name, int64_t value, int64_t least, int64_t most) const {
    if (value < least || value > most) {
      fail(name, ErrorCode::Malformed, "number out of range", fmt::format("{} to {}", least, most),
           std::to_string(value));
    }
    return value;
  }

  int64_t integer(const std::string& name, int64_t least, int64_t most) const {
    return checked(name, metadata_.integer(kPrefix + name), least, most);
  }

  double positive(const std::string& name, double value) const {
    if (!(value > 0) || !std::isfinite(value)) {
      fail(name, ErrorCode::Malformed, "number is not positive", "", fmt::format("{}", value));
    }
    return value;
  }

  void require_equal(const std::string& name, int64_t expected) const {
    const int64_t got = metadata_.optional_integer(kPrefix + name).value_or(expected);
    if (got != expected) {
      fail(name, ErrorCode::Refused, "not supported beside the other sizes", std::to_string(expected),
           std::to_string(got));
    }
  }

  void read_heads(GgufLlama& llama) const {
    llama.heads = integer("attention.head_count", 1, kMostWidth);
    const std::string grouped = "attention.head_count_kv";
    llama.key_value_heads = metadata_.has(kPrefix + grouped) ? integer(grouped, 1, llama.heads) : llama.heads;
    if (llama.heads % llama.key_value_heads != 0) {
      fail(grouped, ErrorCode::Malformed, "does not divide the number of heads", std::to_string(llama.heads),
           std::to_string(llama.key_value_heads));
    }
    const std::string width = "attention.key_length";
    if (!metadata_.has(kPrefix + width) && llama.hidden % llama.heads != 0) {
      fail("attention.head_count", ErrorCode::Malformed, "does not divide embedding_length",
           std::to_string(llama.hidden), std::to_string(llama.heads));
    }
    llama.head = metadata_.has(kPrefix + width) ? integer(width, 2, kMostWidth) : llama.hidden / llama.heads;
    if (llama.head % 2 != 0)
      fail("attention.head_count", ErrorCode::Malformed, "heads of an odd width", "", std::to_string(llama.head));
    require_equal("attention.value_length", llama.head);
    require_equal("rope.dimension_count", llama.head);
  }

  int64_t read_vocabulary(const GgufLlama& llama) const {
    const GgufTensor& embedding = file_.tensor("token_embd.weight");
    if (embedding.shape.size() != 2 || embedding.shape[1] != llama.hidden) {
      fail("embedding_length", ErrorCode::Malformed, "disagrees with token_embd.weight",
           fmt::format("{}", embedding.shape.empty() ? 0 : embedding.shape.back()), std::to_string(llama.hidden));
    }
    const int64_t rows = embedding.shape[0];
    const int64_t stated = metadata_.optional_integer(kPrefix + "vocab_size").value_or(rows);
    if (stated != rows) {
      fail("vocab_size", ErrorCode::Malformed, "disagrees with token_embd.weight", std::to_string(rows),
           std::to_string(stated));
    }
    return checked("vocab_size", rows, 1, INT32_MAX);
  }

  void read_rope_scaling(GgufLlama& llama) const {
    GgufRopeScaling& scaling = llama.rope_scaling;
    const std::string old = "rope.scale_linear";
    scaling.kind = metadata_.optional_text(kPrefix + "rope.scaling.type").value_or("");
    if (scaling.kind.empty()) scaling.kind = metadata_.has(kPrefix + old) ? "linear" : "none";
    const std::array<std::string_view, 4> kinds = {"none", "linear", "yarn", "longrope"};
    if (std::find(kinds.begin(), kinds.end(), scaling.kind) == kinds.end()) {
      fail("rope.scaling.type", ErrorCode::Malformed, "unknown scaling", "none, linear, yarn or longrope",
           scaling.kind);
    }
    const std::string factor = metadata_.has(kPrefix + "rope.scaling.factor") ? "rope.scaling.factor" : old;
    // The format writes 0 for a factor that is not used.
    const double stated = metadata_.optional_number(kPrefix + factor).value_or(1);
    scaling.factor = scaling.kind == "none" && stated == 0 ? 1 : positive(factor, stated);
    const std::string original = "rope.scaling.original_context_length";
    if (metadata_.has(kPrefix + original)) scaling.original_context = integer(original, 0, kMostContext);
    if (!file_.tensors().contains("rope_freqs.weight")) return;
    const GgufTensor& factors = file_.tensor("rope_freqs.weight");
    if (factors.shape != std::vector<int64_t>{llama.head / 2}) {
      fail("rope.dimension_count", ErrorCode::Malformed, "disagrees with rope_freqs.weight",
           fmt::format("{} values", llama.head / 2));
    }
    scaling.frequency_factors.resize(static_cast<size_t>(llama.head / 2));
    file_.read_rows("rope_freqs.weight", 0, std::span(scaling.frequency_factors));
    for (const float value : scaling.frequency_factors) positive("rope_freqs.weight", static_cast<double>(value));
  }

  const GgufFile& file_;
  const GgufMetadata& metadata_;
};

}  // namespace

GgufLlama read_gguf_llama(const GgufFile& file) { return LlamaReader(file).read(); }

int64_t interleaved_rotary_row(int64_t row, int64_t head) {
  const int64_t inside = row % head;
  return row - inside + inside % (head / 2) * 2 + inside / (head / 2);
}

namespace {

template <typename T>
void unpermute(std::span<const T> stored, int64_t columns, int64_t head, std::span<T> values) {
  const int64_t rows = columns == 0 ? 0 : static_cast<int64_t>(values.size()) / columns;
  MAGMA_CHECK(stored.size() == values.size() && head > 0 && head % 2 == 0 && rows % head == 0,
              "{} values from {} in rows of {}, heads of {}", values.size(), stored.size(), columns, head);
  for (int64_t row = 0; row < rows; ++row) {
    const T* from = stored.data() + interleaved_rotary_row(row, head) * columns;
    std::copy_n(from, columns, values.data() + row * columns);
  }
}

template <typename T>
void read_tensor(const GgufFile& file, const GgufLlamaTensor& tensor, std::span<T> values) {
  MAGMA_CHECK(static_cast<int64_t>(values.size()) == tensor.count(), "{} values for {}", values.size(), tensor.name);
  if (tensor.rotary_head == 0) return file.read_rows(tensor.source, 0, values);
  // Head by head, so that no second copy of the tensor exists.
  const int64_t columns = tensor.shape.back();
  std::vector<T> stored(static_cast<size_t>(tensor.rotary_head * columns));
  for (int64_t row = 0; row < tensor.shape[0]; row += tensor.rotary_head) {
    file.read_rows(tensor.source, row, std::span(stored));
    const auto place = values.subspan(static_cast<size_t>(row * columns), stored.size());
    unpermute(std::span<const T>(stored), columns, tensor.rotary_head, place);
  }
}

}  // namespace

void unpermute_rotary_rows(std::span<const float> stored, int64_t columns, int64_t head, std::span<float> values) {
  unpermute(stored, columns, head, values);
}

void unpermute_rotary_rows(std::span<const uint16_t> stored, int64_t columns, int64_t head,
                           std::span<uint16_t> values) {
  unpermute(stored, columns, head, values);
}

void read_gguf_llama_tensor(const GgufFile& file, const GgufLlamaTensor& tensor, std::span<float> values) {
  read_tensor(file, tensor, values);
}

void read_gguf_llama_tensor(const GgufFile& file, const GgufLlamaTensor& tensor, std::span<uint16_t> bf16) {
  read_tensor(file, tensor, bf16);
}

void for_each_gguf_llama_tensor(const GgufFile& file, const GgufLlama& llama,
                                const std::function<void(const GgufLlamaTensor&, std::span<const float>)>& take) {
  std::vector<float> buffer;
  for (const GgufLlamaTensor& tensor : gguf_llama_tensors(file, llama)) {
    const auto count = static_cast<size_t>(tensor.count());
    if (buffer.size() < count) buffer.resize(count);
    const auto values = std::span(buffer).first(count);
    read_gguf_llama_tensor(file, tensor, values);
    take(tensor, values);
  }
}

}  // namespace magma
