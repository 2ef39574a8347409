#include "magma/model/quantise_model.h"

#include <algorithm>
#include <filesystem>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/interrupt.h"
#include "magma/core/limits.h"
#include "magma/model/weight_names.h"
#include "magma/nn/quantise_weights.h"
#include "magma/nn/quantised_file.h"
#include "magma/nn/weight_files.h"
#include "magma/nn/weight_shards.h"

namespace magma {
namespace {

constexpr const char* kSettingsKey = "magma.quantise";
constexpr QuantisedFormat kSensitive{QuantisedKind::Int8, 32};
constexpr QuantisedFormat kVision{QuantisedKind::Int8, 128};

struct Planned {
  std::string name;
  Tensor tensor;
  std::optional<QuantisedFormat> format;
  bool calibrated = false;

  int64_t bytes() const {
    if (!format) return tensor.bytes();
    return QuantisedMatrix{tensor.dim(0), tensor.dim(1), *format}.bytes();
  }
};

std::vector<Planned> plan(const Path& source, const QuantiseOptions& options) {
  if (std::filesystem::is_regular_file(source)) {
    throw Error(ErrorCode::Usage, {.file = source.string(),
                                   .what = "is no model folder",
                                   .expected = "config.json and safetensors",
                                   .hint = "GGUF files run from their blocks as they are"});
  }
  const MagmaConfig config = read_model_config(source);
  std::vector<Planned> all;
  for (auto& [name, tensor] : with_canonical_names(map_weight_folder(source), source.string())) {
    if (is_unused_name(name)) continue;
    if (tensor.is_quantised()) {
      throw Error(ErrorCode::Refused, {.file = source.string(),
                                       .where = "tensor " + name,
                                       .what = "is quantised already",
                                       .expected = "F32, BF16 or F16",
                                       .hint = "start from the model it was made of"});
    }
    const auto format = quantised_format_of(name, tensor.shape(), config.text, options);
    const bool calibrated = options.calibration && format && Calibration::input_of(name);
    all.push_back({name, tensor, format, calibrated});
  }
  const bool own_head = std::any_of(all.begin(), all.end(), [](const Planned& at) { return at.name == kHeadWeight; });
  for (Planned& planned : all) {
    if (own_head && planned.name == kEmbeddingWeight) planned.calibrated = false;
  }
  return all;
}

// What decides the bytes of a shard: options, and a look at each tensor.
std::string settings_of(const std::vector<Planned>& shard, const QuantiseOptions& options,
                        const std::string& calibration) {
  constexpr int64_t kLook = 4096;
  std::string all = format_name(options.format) + (options.sensitive_in_int8 ? " sensitive in int8" : "");
  for (const Planned& planned : shard) {
    const int64_t size = planned.tensor.bytes(), look = std::min(size, kLook);
    const auto* bytes = static_cast<const char*>(planned.tensor.data());
    all += fmt::format("\n{} {} {}\n", planned.name, dtype_name(planned.tensor.dtype()),
                       shape_text(planned.tensor.shape()));
    all.append(bytes, static_cast<size_t>(look)).append(bytes + size - look, static_cast<size_t>(look));
    if (planned.calibrated) all += "\n" + calibration;
  }
  return sha256_hex(all);
}

bool is_finished(const Path& file, const std::string& settings) {
  if (!std::filesystem::exists(file)) return false;
  const SafetensorsFile written(file);
  const auto found = written.metadata().find(kSettingsKey);
  if (found != written.metadata().end() && found->second == settings) return true;
  throw Error(ErrorCode::Usage, {.file = file.string(),
                                 .what = "comes from another model or other options",
                                 .hint = "name another folder, or empty this one"});
}

struct Shard {
  std::vector<Planned> tensors;
  std::string name, settings;
  bool found = false;  // of an earlier run
};

std::vector<Shard> begun_shards(std::vector<Planned> all, const Path& folder, const QuantiseOptions& options,
                                const std::string& calibration) {
  auto parts = cut_into_shards(std::move(all), options.shard_bytes, [](const Planned& at) { return at.bytes(); });
  std::vector<Shard> shards;
  for (size_t i = 0; i < parts.size(); ++i) {
    Shard shard{std::move(parts[i]), shard_file_name(i, parts.size()), "", false};
    shard.settings = settings_of(shard.tensors, options, calibration);
    shard.found = is_finished(folder / shard.name, shard.settings);
    shards.push_back(std::move(shard));
  }
  return shards;
}

std::vector<CalibratedWeight> calibrated_weights(const std::vector<Shard>& shards) {
  std::vector<CalibratedWeight> weights;
  for (const Shard& shard : shards) {
    for (const Planned& planned : shard.tensors) {
      if (planned.calibrated && !shard.found) weights.push_back({planned.name, planned.tensor.dim(1)});
    }
  }
  return weights;
}

Tensor quantised(const Planned& planned, const Path& source, Calibration* calibration, Team& team) {
  const ErrorFeedback* feedback = planned.calibrated ? &calibration->feedback(planned.name, team) : nullptr;
  try {
    if (feedback != nullptr) return quantise_matrix(planned.tensor, *planned.format, *feedback, team);
    return quantise_matrix(planned.tensor, *planned.format, {}, team);
  } catch (const Error& error) {
    auto fields = error.fields();
    fields.file = source.string();
    fields.where = fmt::format("tensor {}, {}", planned.name, fields.where);
    throw Error(error.code(), fields);
  }
}

// One tensor in memory at a time.
class ShardWriter {
 public:
  // `calibration`: none where nothing is calibrated.
  ShardWriter(const Path& source, Calibration* calibration, int threads, const std::function<void(int64_t)>& progress)
      : source_(source), calibration_(calibration), progress_(progress), team_(threads) {}

  void write(const Shard& shard, const Path& folder) {
    SafetensorsWriter writer(folder / shard.name);
    std::map<std::string, StoredMatrix> matrices;
    for (const Planned& planned : shard.tensors) {
      throw_if_interrupted();
      const Tensor& tensor = planned.tensor;
      if (planned.format) {
        const Tensor result = quantised(planned, source_, calibration_, team_);
        const QuantisedMatrix layout = result.quantised_matrix();
        add(writer, planned.name, result, {layout.panel_count(), layout.panel_bytes()});
        matrices.emplace(planned.name, StoredMatrix{*planned.format, layout.N, layout.K});
      } else {
        add(writer, planned.name, tensor, tensor.shape());
      }
      release_pages(tensor);
      progress_(tensor.count());
    }
    writer.set_metadata("format", "pt");
    writer.set_metadata(kSettingsKey, shard.settings);
    if (!matrices.empty()) writer.set_metadata(kQuantisedKey, quantised_metadata(matrices));
    writer.finish();
  }

 private:
  static void add(SafetensorsWriter& writer, const std::string& name, const Tensor& tensor, const Shape& shape) {
    writer.add(name, tensor.dtype(), shape,
               {static_cast<const char*>(tensor.data()), static_cast<size_t>(tensor.bytes())});
  }

  Path source_;
  Calibration* calibration_;
  const std::function<void(int64_t)>& progress_;
  Team team_;
};

bool is_weight_file(const Path& file) {
  const std::string name = file.filename().string(), extension = file.extension().string();
  return name == kWeightIndex || name.starts_with(".") || extension == ".safetensors" || extension == ".bin" ||
         extension == ".gguf" || extension == ".pth" || extension == ".pt";
}

void copy_other_files(const Path& source, const Path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(source)) {
    if (!entry.is_regular_file() || is_weight_file(entry.path())) continue;
    const std::string name = entry.path().filename().string();
    if (name == "config.json") continue;
    write_file_atomically(folder / name, read_file(entry.path(), limits().json_bytes));
  }
  Json config = read_json(source / "config.json");
  config["quantization_config"] = {{"quant_method", "magma"}, {"version", 1}};
  write_file_atomically(folder / "config.json", dump_json(config) + "\n");
}

// The folder, made if absent; one that we made and that is still empty disappears with an error.
class OutputPlace {
 public:
  OutputPlace(const Path& source, const Path& folder) : folder_(folder) {
    std::error_code failed;
    if (std::filesystem::equivalent(source, folder, failed)) {
      throw Error(ErrorCode::Usage, {.file = folder.string(), .what = "is the folder of the model itself"});
    }
    made_ = std::filesystem::create_directories(folder, failed);
    if (failed) throw system_error("create folder", folder.string(), failed.value());
  }
  OutputPlace(const OutputPlace&) = delete;
  OutputPlace& operator=(const OutputPlace&) = delete;
  ~OutputPlace() {
    std::error_code ignored;
    if (made_ && std::filesystem::is_empty(folder_, ignored)) std::filesystem::remove(folder_, ignored);
  }

 private:
  Path folder_;
  bool made_ = false;
};

// "layers.7." of a decoder's name.
std::optional<int64_t> layer_of(const std::string& name) {
  constexpr std::string_view kLayers = "language_model.model.layers.";
  if (!name.starts_with(kLayers)) return std::nullopt;
  return std::strtoll(name.c_str() + kLayers.size(), nullptr, 10);
}

// Whether parts of the matrix that are matrices of their own begin inside a panel.
bool cuts_panels(const std::string& name, const TextConfig& text) {
  const auto cuts = [](int64_t rows) { return rows % kQuantisedPanel != 0; };
  if (name.ends_with(".gate_up_proj.weight")) return cuts(text.intermediate_size);
  if (!name.ends_with(".qkv_proj.weight")) return false;
  return cuts(text.num_attention_heads * text.head_dim) || cuts(text.num_key_value_heads * text.head_dim);
}

}  // namespace

std::optional<QuantisedFormat> quantised_format_of(const std::string& name, const Shape& shape, const TextConfig& text,
                                                   const QuantiseOptions& options) {
  if (shape.size() != 2 || !name.ends_with(".weight")) return std::nullopt;
  const QuantisedFormat sensitive = options.sensitive_in_int8 ? kSensitive : options.format;
  if (name == kEmbeddingWeight || name == kHeadWeight) return sensitive;
  if (const auto layer = layer_of(name)) {
    if (!name.ends_with("_proj.weight")) return std::nullopt;
    if (cuts_panels(name, text)) return std::nullopt;
    return *layer == 0 || *layer == text.num_hidden_layers - 1 ? sensitive : options.format;
  }
  const bool tower = name.starts_with("vision_tower.") && name.find(".mlp.fc") != std::string::npos;
  return tower ? std::optional(kVision) : std::nullopt;
}

int64_t parameters_of(const Path& source) {
  int64_t total = 0;
  for (const Planned& planned : plan(source, {})) total += planned.tensor.count();
  return total;
}

QuantiseSummary quantise_model(const Path& source, const Path& folder, const QuantiseOptions& options,
                               const std::function<void(int64_t)>& progress) {
  std::vector<Planned> all = plan(source, options);
  std::optional<Calibration> calibration;
  if (options.calibration) calibration.emplace(source, *options.calibration, options.threads);
  const OutputPlace place(source, folder);
  const auto shards = begun_shards(std::move(all), folder, options, calibration ? calibration->digest() : "");
  if (calibration) calibration->expect(calibrated_weights(shards));
  ShardWriter writer(source, calibration ? &*calibration : nullptr, options.threads, progress);
  QuantiseSummary summary;
  std::map<std::string, std::string> file_of;
  for (const Shard& shard : shards) {
    for (const Planned& planned : shard.tensors) {
      file_of[planned.name] = shard.name;
      ++summary.tensors;
      summary.quantised += planned.format ? 1 : 0;
      summary.calibrated += planned.calibrated ? 1 : 0;
      summary.parameters += planned.tensor.count();
      summary.bytes_before += planned.tensor.bytes();
      summary.bytes += planned.bytes();
      if (shard.found) progress(planned.tensor.count());
    }
    summary.shards_found += shard.found ? 1 : 0;
    if (!shard.found) writer.write(shard, folder);
  }
  summary.shards = static_cast<int64_t>(shards.size());
  copy_other_files(source, folder);
  write_weight_index(folder, file_of, summary.bytes);
  return summary;
}

}  // namespace magma
