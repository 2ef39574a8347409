#include "magma/model/init_weights.h"

#include <algorithm>
#include <filesystem>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/core/limits.h"
#include "magma/core/random.h"
#include "magma/model/magma.h"
#include "magma/nn/weight_shards.h"

namespace magma {
namespace {

constexpr int64_t kValuesAtOnce = 4 << 20;    // of one append
constexpr int64_t kValuesOfStream = 1 << 16;  // drawn from one stream of random numbers

struct Named {
  std::string name;
  Shape shape;
  int64_t count() const {
    int64_t product = 1;
    for (const int64_t side : shape) product = checked_multiply(product, side, "tensor shape");
    return product;
  }
};

// The value of a tensor that is not drawn.
std::optional<float> constant_of(const Named& tensor) {
  if (tensor.name.ends_with(".gamma")) return 1e-6F;
  if (tensor.name.ends_with(".bias") || tensor.name.ends_with("seperator")) return 0.0F;
  if (tensor.shape.size() == 1) return 1.0F;
  return std::nullopt;
}

void put(std::string& bytes, int64_t index, DType dtype, float value) {
  char* to = bytes.data() + index * dtype_bytes(dtype);
  if (dtype == DType::F32) {
    std::copy_n(reinterpret_cast<const char*>(&value), sizeof value, to);
  } else {
    const uint16_t bits = to_bf16(value);
    std::copy_n(reinterpret_cast<const char*>(&bits), sizeof bits, to);
  }
}

class RandomWeights {
 public:
  RandomWeights(const MagmaConfig& config, const InitOptions& options)
      : deviation_(config.text.initializer_range), options_(options), team_(options.threads) {}

  void write(const Named& tensor, SafetensorsWriter& writer) {
    const int64_t row_count = std::max<int64_t>(1, tensor.shape[0]), width = tensor.count() / row_count;
    writer.open(tensor.name, options_.dtype, {tensor.shape.begin() + 1, tensor.shape.end()});
    const int64_t rows_at_once = std::max<int64_t>(1, kValuesAtOnce / std::max<int64_t>(1, width));
    for (int64_t r = 0; r < row_count; r += rows_at_once) {
      throw_if_interrupted();
      const int64_t rows = std::min(rows_at_once, row_count - r);
      writer.append(tensor.name, values(tensor, r * width, rows * width));
    }
  }

 private:
  std::string values(const Named& tensor, int64_t begin, int64_t count) {
    std::string bytes(static_cast<size_t>(count * dtype_bytes(options_.dtype)), '\0');
    const std::optional<float> constant = constant_of(tensor);
    const int64_t first = begin / kValuesOfStream, last = (begin + count - 1) / kValuesOfStream;
    team_.run(last - first + 1, [&](int64_t i) {
      // A stream belongs to a fixed part of the tensor, so that neither threads nor pieces change what is drawn.
      const int64_t part = (first + i) * kValuesOfStream;
      Rng rng(options_.seed, tensor.name, fmt::format("{}", first + i));
      const int64_t end = std::min(part + kValuesOfStream, begin + count);
      for (int64_t k = part; k < end; ++k) {
        const double drawn = constant ? *constant : deviation_ * rng.normal();
        if (k >= begin) put(bytes, k - begin, options_.dtype, static_cast<float>(drawn));
      }
    });
    return bytes;
  }

  double deviation_;
  InitOptions options_;
  Team team_;
};

void require_unused(const Path& folder) {
  for (const char* name : {"config.json", "model.safetensors", kWeightIndex}) {
    if (!std::filesystem::exists(folder / name)) continue;
    throw Error(ErrorCode::Usage, {.file = folder.string(),
                                   .what = "the folder holds a model already",
                                   .got = name,
                                   .hint = "name another folder"});
  }
}

}  // namespace

InitSummary write_random_model(const Path& config_file, const Path& folder, const InitOptions& options) {
  const std::string text = read_file(config_file, limits().json_bytes);
  const MagmaConfig config = parse_model_config(parse_json(text, config_file.string()), config_file.string());
  if (config.text.vocab_size == 0) {
    throw Error(ErrorCode::Malformed, {.file = config_file.string(),
                                       .where = config.text.vocab_size_pointer,
                                       .what = "missing",
                                       .expected = "an integer"});
  }
  require_unused(folder);
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw system_error("create folder", folder.string(), failed.value());
  std::vector<Named> tensors;
  for (const auto& [name, shape] : tensors_of(config, config.text.vocab_size)) tensors.push_back({name, shape});
  const auto shards = cut_into_shards(std::move(tensors), options.shard_bytes,
                                      [&](const Named& tensor) { return tensor.count() * dtype_bytes(options.dtype); });
  RandomWeights weights(config, options);
  std::map<std::string, std::string> file_of;
  InitSummary summary;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_file_name(i, shards.size());
    SafetensorsWriter writer(folder / name);
    for (const Named& tensor : shards[i]) {
      weights.write(tensor, writer);
      file_of[tensor.name] = name;
      ++summary.tensors;
      summary.parameters += tensor.count();
    }
    writer.finish();
  }
  summary.bytes = summary.parameters * dtype_bytes(options.dtype);
  summary.shards = static_cast<int64_t>(shards.size());
  write_weight_index(folder, file_of, summary.bytes);
  write_file_atomically(folder / "config.json", text);
  return summary;
}

}  // namespace magma
