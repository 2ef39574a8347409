#include "magma/model/model_bench.h"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/clock.h"
#include "magma/core/interrupt.h"
#include "magma/core/random.h"
#include "magma/model/gguf_model.h"
#include "magma/model/model_facts.h"
#include "magma/model/precision.h"
#include "magma/nn/ceilings.h"

namespace magma {
namespace {

constexpr int64_t kShortPrompt = 8;

// Any ids will do; the image token is not among them.
Ids prompt_of(const Network& network, int64_t tokens) {
  Rng rng(1);
  Ids ids;
  while (static_cast<int64_t>(ids.size()) < tokens) {
    const auto id = static_cast<int64_t>(rng.uniform() * static_cast<double>(network.vocabulary()));
    if (id != network.config().image_token_index && id < network.vocabulary()) ids.push_back(id);
  }
  return ids;
}

// Of a matrix that a decoded token reads; names are canonical or those of Hugging Face without a tower.
bool is_read_by_token(const std::string& name, const MagmaConfig& config) {
  if (name.starts_with("vision_tower.") || name.starts_with("multi_modal_projector.")) return false;
  return name.find("embed_tokens") == std::string::npos || config.text.tie_word_embeddings;
}

struct WeightBytes {
  double all = 0, read_by_token = 0;
};

// As they are in memory.
WeightBytes weight_bytes(const ModelBenchOptions& options, const MagmaConfig& config) {
  const bool gguf = std::filesystem::is_regular_file(options.model);
  WeightBytes bytes;
  for (const auto& [name, size] : gguf ? gguf_weight_bytes(options.model, options.precision)
                                       : folder_weight_bytes(options.model, options.precision)) {
    bytes.all += static_cast<double>(size);
    if (is_read_by_token(name, config)) bytes.read_by_token += static_cast<double>(size);
  }
  return bytes;
}

double count_of(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), 1.0,
                         [](double n, int64_t side) { return n * static_cast<double>(side); });
}

double text_parameters(const MagmaConfig& config, int64_t vocabulary) {
  double total = 0;
  for (const auto& [name, shape] : tensors_of(config, vocabulary)) {
    if (is_read_by_token(name, config)) total += count_of(shape);
  }
  return total;
}

ModelBenchLength bench_length(Network& network, const ModelBenchOptions& options, int64_t tokens) {
  const Prompt prompt{prompt_of(network, tokens), {}};
  ModelBenchLength row{.tokens = tokens, .prefill_s = 1e30, .decode_s = 1e30};
  for (int64_t round = 0; round < options.rounds; ++round) {
    throw_if_interrupted();
    const Stopwatch prefill;
    Prefilled state = network.prefill({prompt}, {});
    row.prefill_s = std::min(row.prefill_s, prefill.seconds());
    const Stopwatch decode;
    for (int64_t i = 0; i < options.decoded; ++i) network.decode(*state.sequences, {prompt.ids[0]});
    row.decode_s = std::min(row.decode_s, decode.seconds() / static_cast<double>(options.decoded));
  }
  return row;
}

double encode_seconds(Network& network, const ModelBenchOptions& options) {
  const int64_t side = network.config().img_size;
  const ImageInput image{Tensor::zeros({1, 3, side, side}), {1, 1}};
  double best = 1e30;
  for (int64_t round = 0; round < options.rounds; ++round) {
    throw_if_interrupted();
    const Stopwatch watch;
    network.encode_images({image}, {});
    best = std::min(best, watch.seconds());
  }
  return best;
}

}  // namespace

double encode_operations(const MagmaConfig& config, int64_t side) {
  if (!config.vision) return 0;
  const VisionConfig& vision = *config.vision;
  double total = 0;
  for (size_t i = 0; i < 4; ++i) {
    const auto C = static_cast<double>(vision.dims[i]);
    const double across = static_cast<double>(side) / static_cast<double>(4 << i), pixels = across * across;
    total += 2 * pixels * C * (i == 0 ? 48 : 4 * static_cast<double>(vision.dims[i - 1]));  // stem or downsample
    total += static_cast<double>(vision.depths[i]) * 2 * pixels * C * (49 + 8 * C);
    if (i < 3) continue;
    const auto D = static_cast<double>(config.text.hidden_size);
    total += 2 * pixels * D * (C + static_cast<double>(vision.projector_layers - 1) * D);
  }
  return total;
}

double prefill_operations(const MagmaConfig& config, int64_t vocabulary, int64_t tokens) {
  const TextConfig& text = config.text;
  const double head = static_cast<double>(vocabulary) * static_cast<double>(text.hidden_size);
  const auto n = static_cast<double>(tokens);
  const double attention = 2.0 * static_cast<double>(text.num_hidden_layers * text.num_attention_heads * text.head_dim);
  return 2 * (text_parameters(config, vocabulary) - head) * n + 2 * head + attention * n * (n + 1);
}

ModelBenchResult bench_model(const ModelBenchOptions& options) {
  ModelBenchResult result;
  const Stopwatch load;
  const auto network = load_network(options.model, options.threads, options.precision, options.cache);
  result.load_s = load.seconds();
  const Stopwatch first;
  network->prefill({{prompt_of(*network, kShortPrompt), {}}}, {});
  result.first_token_s = first.seconds();
  const MagmaConfig& config = network->config();
  const WeightBytes weights = weight_bytes(options, config);
  result.weight_bytes = static_cast<int64_t>(weights.all);
  result.cache_bytes_per_token = cache_bytes(config.text, 1, options.cache);
  if (config.vision) {
    result.encode_s = encode_seconds(*network, options);
    result.encode_operations = encode_operations(config, config.img_size);
  }
  for (const int64_t tokens : options.lengths) {
    ModelBenchLength row = bench_length(*network, options, tokens);
    row.prefill_operations = prefill_operations(config, network->vocabulary(), tokens);
    const double context = static_cast<double>(tokens) + static_cast<double>(options.decoded) / 2;
    row.decode_bytes = weights.read_by_token + context * static_cast<double>(result.cache_bytes_per_token);
    result.lengths.push_back(row);
  }
  result.peak_bytes = peak_resident_bytes();
  Team team(options.threads);
  result.bandwidth = read_bandwidth(team);
  result.operations = operation_rate(team);
  return result;
}

nlohmann::json model_bench_json(const ModelBenchResult& result) {
  Json lengths = Json::array();
  for (const ModelBenchLength& row : result.lengths) {
    const auto tokens = static_cast<double>(row.tokens);
    lengths.push_back({{"tokens", row.tokens},
                       {"prefill_s", row.prefill_s},
                       {"prefill_tokens_per_s", tokens / row.prefill_s},
                       {"prefill_of_ceiling", row.prefill_operations / row.prefill_s / result.operations},
                       {"decode_ms", 1e3 * row.decode_s},
                       {"decode_tokens_per_s", 1 / row.decode_s},
                       {"decode_of_ceiling", row.decode_bytes / row.decode_s / result.bandwidth}});
  }
  Json json = {{"bandwidth_gb_per_s", result.bandwidth / 1e9},
               {"gflop_per_s", result.operations / 1e9},
               {"load_s", result.load_s},
               {"first_token_s", result.first_token_s},
               {"weight_bytes", result.weight_bytes},
               {"peak_bytes", result.peak_bytes},
               {"cache_bytes_per_token", result.cache_bytes_per_token},
               {"lengths", lengths}};
  if (result.encode_s > 0) {
    json["encode_ms"] = 1e3 * result.encode_s;
    json["encode_of_ceiling"] = result.encode_operations / result.encode_s / result.operations;
  }
  return json;
}

std::string model_bench_table(const ModelBenchResult& result) {
  std::string text =
      fmt::format("ceilings: {:.1f} GB/s, {:.1f} GFLOP/s\n", result.bandwidth / 1e9, result.operations / 1e9);
  text += fmt::format("load {:.3f} s, first token {:.3f} s, peak memory {:.0f} MiB ({:.2f} of the weights)\n",
                      result.load_s, result.first_token_s, static_cast<double>(result.peak_bytes) / (1 << 20),
                      static_cast<double>(result.peak_bytes) / static_cast<double>(result.weight_bytes));
  if (result.encode_s > 0) {
    text += fmt::format("encode {:.0f} ms: {:.2f} of the operations\n", 1e3 * result.encode_s,
                        result.encode_operations / result.encode_s / result.operations);
  }
  text +=
      fmt::format("{:>8} {:>16} {:>8} {:>16} {:>8}\n", "tokens", "prefill tok/s", "of FLOP", "decode tok/s", "of GB/s");
  for (const ModelBenchLength& row : result.lengths) {
    text += fmt::format("{:>8} {:>16.1f} {:>8.2f} {:>16.2f} {:>8.2f}\n", row.tokens,
                        static_cast<double>(row.tokens) / row.prefill_s,
                        row.prefill_operations / row.prefill_s / result.operations, 1 / row.decode_s,
                        row.decode_bytes / row.decode_s / result.bandwidth);
  }
  text.pop_back();
  return text;
}

}  // namespace magma
