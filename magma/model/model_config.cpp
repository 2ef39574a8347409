#include "magma/model/model_config.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <regex>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/log.h"
#include "magma/model/backbone.h"
#include "magma/model/config_fields.h"

namespace magma {
namespace {

constexpr int64_t kMostWidth = 1 << 20;
constexpr int64_t kMostIds = int64_t{1} << 31U;
constexpr int64_t kMostPositions = int64_t{1} << 24U;
constexpr double kMostTheta = 1e12;

struct TowerSize {
  std::string_view word;  // in the backbone's name; the first that fits counts
  std::array<int64_t, 4> depths, dims;
  float epsilon;
};
constexpr std::array kTowerSizes = {TowerSize{"xxlarge", {3, 4, 30, 3}, {384, 768, 1536, 3072}, 1e-5F},
                                    TowerSize{"large", {3, 3, 27, 3}, {192, 384, 768, 1536}, 1e-6F},
                                    TowerSize{"base", {3, 3, 27, 3}, {128, 256, 512, 1024}, 1e-6F}};

std::array<int64_t, 4> four(const ConfigFields& fields, std::string_view key, int64_t most) {
  std::array<int64_t, 4> result{};
  size_t i = 0;
  for (const double value : fields.numbers(key, 1, static_cast<double>(most), 4)) {
    if (value != std::floor(value)) fields.fail(key, "wrong type", "integers");
    result[i++] = static_cast<int64_t>(value);
  }
  return result;
}

int64_t projector_layers(const ConfigFields& fields) {
  const std::string type = fields.string("mm_projector_type", "mlp2x_gelu");
  static const std::regex kPattern("mlp([1-9])x_gelu(_segtokv[0-9]+)?");
  std::smatch match;
  if (type.size() < 40 && std::regex_match(type, match, kPattern)) return std::stoll(match[1]);
  fields.refuse("mm_projector_type", "projector not supported", "mlp2x_gelu or alike", type);
}

VisionConfig vision_config(const ConfigFields& fields) {
  VisionConfig vision;
  vision.backbone = fields.string("vision_backbone", vision.backbone);
  const auto size = std::find_if(kTowerSizes.begin(), kTowerSizes.end(), [&](const TowerSize& known) {
    return vision.backbone.find(known.word) != std::string::npos;
  });
  if (vision.backbone.find("convnext") == std::string::npos || size == kTowerSizes.end()) {
    fields.refuse("vision_backbone", "vision tower not supported", "convnextxxlarge, convnextlarge or convnextbase",
                  vision.backbone);
  }
  vision.epsilon = size->epsilon;
  vision.depths = fields.has("depths") ? four(fields, "depths", 1000) : size->depths;
  vision.dims = fields.has("dims") ? four(fields, "dims", kMostWidth) : size->dims;
  vision.anyres_strategy = fields.string("img_anyres_strategy", "crop");
  if (vision.anyres_strategy != "crop" && vision.anyres_strategy != "global") {
    fields.refuse("img_anyres_strategy", "strategy not supported", "crop or global", vision.anyres_strategy);
  }
  vision.mm_hidden_size = fields.integer("mm_hidden_size", 1, kMostWidth, vision.dims[3]);
  if (vision.mm_hidden_size != vision.dims[3]) {
    fields.fail("mm_hidden_size", "differs from the tower's width", std::to_string(vision.dims[3]),
                std::to_string(vision.mm_hidden_size));
  }
  vision.projector_layers = projector_layers(fields);
  vision.use_im_start_end = fields.boolean("mm_use_im_start_end", false);
  return vision;
}

// transformers 5 writes all that is rotary into rope_parameters; before, rope_theta and others stood beside
// rope_scaling.
double rotary_number(const ConfigFields& text, std::string_view key, double min, double max, double fallback) {
  const auto fields = text.object("rope_parameters");
  return fields && fields->has(key) ? fields->number(key, min, max) : text.number(key, min, max, fallback);
}

RopeScaling rope_scaling(const ConfigFields& text, int64_t rotary_width) {
  RopeScaling scaling;
  const auto fields = text.object(text.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
  if (!fields) return scaling;
  scaling.type = fields->string("rope_type", fields->string("type", "default"));
  const auto half = static_cast<size_t>(rotary_width / 2);
  if (scaling.type == "default") return scaling;
  if (scaling.type != "longrope") scaling.factor = fields->number("factor", 1, 1e6);
  scaling.original_max_position_embeddings =
      fields->integer("original_max_position_embeddings", 1, kMostPositions,
                      text.integer("original_max_position_embeddings", 1, kMostPositions, 0));
  if (fields->has("attention_factor")) scaling.attention_factor = fields->number("attention_factor", 1e-6, 1e6);
  if (scaling.type == "linear" || scaling.type == "dynamic") return scaling;
  if (scaling.type == "llama3") {
    if (scaling.original_max_position_embeddings == 0) fields->integer("original_max_position_embeddings", 1, 1);
    scaling.low_freq_factor = fields->number("low_freq_factor", 1e-6, 1e6);
    scaling.high_freq_factor = fields->number("high_freq_factor", 1e-6, 1e6);
    if (scaling.high_freq_factor <= scaling.low_freq_factor) {
      fields->fail("high_freq_factor", "not above low_freq_factor");
    }
  } else if (scaling.type == "yarn") {
    scaling.beta_fast = fields->number("beta_fast", 1e-6, 1e6, 32);
    scaling.beta_slow = fields->number("beta_slow", 1e-6, 1e6, 1);
  } else if (scaling.type == "longrope") {
    scaling.short_factor = fields->numbers("short_factor", 1e-6, 1e6, half);
    scaling.long_factor = fields->numbers("long_factor", 1e-6, 1e6, half);
  } else {
    fields->refuse("rope_type", "rotary scaling not supported", "linear, dynamic, llama3, yarn or longrope",
                   scaling.type);
  }
  return scaling;
}

void read_heads(const ConfigFields& fields, TextConfig& text) {
  text.num_attention_heads = fields.integer("num_attention_heads", 1, 4096);
  text.num_key_value_heads = fields.integer("num_key_value_heads", 1, 4096, text.num_attention_heads);
  if (text.num_attention_heads % text.num_key_value_heads != 0) {
    fields.fail("num_key_value_heads", "does not divide num_attention_heads", "",
                fmt::format("{} for {}", text.num_key_value_heads, text.num_attention_heads));
  }
  if (!fields.has("head_dim") && text.hidden_size % text.num_attention_heads != 0) {
    fields.fail("num_attention_heads", "does not divide hidden_size", "",
                fmt::format("{} for {}", text.num_attention_heads, text.hidden_size));
  }
  text.head_dim = fields.integer("head_dim", 2, 4096, text.hidden_size / text.num_attention_heads);
  const double part = rotary_number(fields, "partial_rotary_factor", 0.01, 1, 1);
  text.rotary_width = static_cast<int64_t>(static_cast<double>(text.head_dim) * part);
  if (text.rotary_width % 2 != 0 || text.rotary_width < 4) {
    fields.fail("num_attention_heads", "a head's rotary width must be even and at least 4", "",
                std::to_string(text.rotary_width));
  }
}

// The language model's family: a plug-in.
std::string family(const ConfigFields& fields) {
  const std::string type = fields.string("model_type", "llama");
  if (type == "magma") return "llama";
  const std::vector<std::string> known = Backbones::names();
  if (std::find(known.begin(), known.end(), type) == known.end()) {
    fields.refuse("model_type", "language model not supported", fmt::format("{}", fmt::join(known, ", ")), type);
  }
  return type;
}

TextConfig text_config(const ConfigFields& fields) {
  TextConfig text;
  text.model_type = family(fields);
  const bool qwen = text.model_type == "qwen2";
  text.hidden_size = fields.integer("hidden_size", 1, kMostWidth);
  text.intermediate_size = fields.integer("intermediate_size", 1, kMostWidth);
  text.num_hidden_layers = fields.integer("num_hidden_layers", 1, 1000);
  read_heads(fields, text);
  text.rms_norm_eps = fields.number("rms_norm_eps", 1e-12, 0.1, qwen ? 1e-6 : 1e-5);
  text.max_position_embeddings = fields.integer("max_position_embeddings", 1, kMostPositions);
  text.rope = {.width = text.rotary_width,
               .theta = rotary_number(fields, "rope_theta", 1, kMostTheta, 10000),
               .max_position_embeddings = text.max_position_embeddings,
               .scaling = rope_scaling(fields, text.rotary_width)};
  const bool windowed = !qwen || fields.boolean("use_sliding_window", false);
  if (windowed) text.sliding_window = fields.integer("sliding_window", 1, kMostPositions, 0);
  text.attention_bias = fields.boolean("attention_bias", qwen);
  text.mlp_bias = fields.boolean("mlp_bias", false);
  text.tie_word_embeddings = fields.boolean("tie_word_embeddings", false);
  text.vocab_size = fields.integer("vocab_size", 1, kMostIds, 0);
  text.vocab_size_pointer = fields.pointer("vocab_size");
  text.initializer_range = fields.number("initializer_range", 0, 10, 0.02);
  const std::string activation = fields.string("hidden_act", "silu");
  if (activation != "silu") fields.refuse("hidden_act", "activation not supported", "silu", activation);
  return text;
}

void add_ids(const JsonObject& object, const std::string& pointer, std::vector<int64_t>& ids) {
  const auto found = object.raw().find("eos_token_id");
  if (found == object.raw().end() || found->is_null()) return;
  const Json list = found->is_array() ? *found : Json::array({*found});
  for (const Json& id : list) {
    if (!id.is_number_integer() || id.get<double>() < 0 || id.get<double>() >= static_cast<double>(kMostIds)) {
      throw Error(ErrorCode::Malformed, {.where = pointer + "/eos_token_id",
                                         .what = "wrong type",
                                         .expected = "an id or a list of ids",
                                         .got = id.dump()});
    }
    ids.push_back(id.get<int64_t>());
  }
}

}  // namespace

MagmaConfig parse_model_config(const Json& root, const std::string& file) {
  const JsonObject top(root, file);
  MagmaConfig config;
  config.file = file;
  if (top.has("auto_map")) log(LogLevel::Info, "{}: auto_map names code of the publisher; it is not used", file);
  std::vector<ConfigSource> sources;
  if (top.has("text_config")) sources.push_back({top.object("text_config"), "/text_config"});
  sources.push_back({top, ""});
  const ConfigFields fields({{top, ""}}, file);
  config.text = text_config(ConfigFields(sources, file));
  if (const auto vision = fields.object("vision_config")) config.vision = vision_config(*vision);
  const std::string type = fields.string("model_type", config.vision ? "magma" : "llama");
  if (type == "magma" && !config.vision) fields.fail("vision_config", "missing", "an object");
  if (type != "magma" && config.vision) fields.refuse("model_type", "model that sees not supported", "magma", type);
  if (config.vision) config.image_token_index = fields.integer("image_token_index", 0, kMostIds);
  config.img_size = fields.integer("img_size", 32, 8192, 512);
  config.wrap_images = fields.boolean("mm_use_image_start_end", false);
  config.torch_dtype = fields.string("torch_dtype", fields.string("dtype", "bfloat16"));
  return config;
}

MagmaConfig read_model_config(const Path& folder) {
  const Path path = folder / "config.json";
  return parse_model_config(read_json(path), path.string());
}

GenerationConfig parse_generation_config(const Json& root, const std::string& file) {
  const JsonObject top(root, file);
  GenerationConfig config;
  try {
    add_ids(top, "", config.eos_token_ids);
  } catch (const Error& error) {
    throw error.with_file(file);
  }
  const ConfigFields fields({{top, ""}}, file);
  if (fields.has("bos_token_id")) config.bos_token_id = fields.integer("bos_token_id", 0, kMostIds);
  if (fields.has("pad_token_id")) config.pad_token_id = fields.integer("pad_token_id", 0, kMostIds);
  return config;
}

GenerationConfig read_generation_config(const Path& folder) {
  const Path own = folder / "generation_config.json", shared = folder / "config.json";
  if (std::filesystem::exists(own)) return parse_generation_config(read_json(own), own.string());
  const Json root = read_json(shared);
  return parse_generation_config(root.contains("text_config") ? root["text_config"] : root, shared.string());
}

}  // namespace magma
