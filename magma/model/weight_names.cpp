#include "magma/model/weight_names.h"

#include <array>
#include <regex>

#include "magma/core/error.h"

namespace magma {
namespace {

constexpr const char* kVision = "vision_tower.clip_vision_model.";
constexpr int kMostRounds = 16;  // names settle after five at most

struct Rule {
  std::regex pattern;
  const char* to;
};

// The more specific ones first: prefixes of whole files, then the layouts of single layers, then bare names.
const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = [] {
    std::vector<Rule> list;
    const auto add = [&](const char* pattern, const char* to) { list.push_back({std::regex(pattern), to}); };
    add("^model\\.vision_tower\\.model\\.model\\.backbone\\.", "vision_tower.");
    add("^vision_tower\\.clip_model\\.visual\\.", "vision_tower.clip_vision_model.");
    add("^visual\\.", "vision_tower.clip_vision_model.");
    add("^convnext\\.", "");
    add("^embeddings\\.patch_embeddings\\.", "stem.0.");
    add("^embeddings\\.layernorm\\.", "stem.1.");
    add("^encoder\\.stages\\.", "stages.");
    add("(^|\\.)downsample_layers\\.0\\.", "$1stem.");
    add("(^|\\.)downsample_layers\\.([0-9]+)\\.", "$1stages.$2.downsample.");
    add("(stages\\.[0-9]+)\\.downsampling_layer\\.", "$1.downsample.");
    add("(stages\\.[0-9]+)\\.layers\\.", "$1.blocks.");
    add("(stages\\.[0-9]+)\\.([0-9]+)\\.", "$1.blocks.$2.");
    add("(stages\\.[0-9]+\\.blocks\\.[0-9]+)\\.dwconv\\.", "$1.conv_dw.");
    add("(stages\\.[0-9]+\\.blocks\\.[0-9]+)\\.layernorm\\.", "$1.norm.");
    add("(stages\\.[0-9]+\\.blocks\\.[0-9]+)\\.pwconv([12])\\.", "$1.mlp.fc$2.");
    add("(stages\\.[0-9]+\\.blocks\\.[0-9]+)\\.layer_scale_parameter$", "$1.gamma");
    add("(stages\\.[0-9]+\\.blocks\\.[0-9]+)\\.weight$", "$1.gamma");
    add("^(stem|stages)\\.", "vision_tower.clip_vision_model.trunk.$1.");
    add("^model\\.mm_projector\\.", "multi_modal_projector.");
    add("^model\\.(layers|embed_tokens|norm)\\.", "language_model.model.$1.");
    add("^lm_head\\.", "language_model.lm_head.");
    return list;
  }();
  return all;
}

// Most names of most files are right already, and regular expressions are slow.
bool is_canonical(const std::string& name) {
  if (name.starts_with("language_model.") || name.starts_with("multi_modal_projector.")) return true;
  if (!name.starts_with("vision_tower.clip_vision_model.trunk.")) return false;
  const auto holds = [&](const char* part) { return name.find(part) != std::string::npos; };
  if (holds(".trunk.stem.") || holds(".downsample.")) return true;
  return holds(".blocks.") && (holds(".conv_dw.") || holds(".mlp.fc") || holds(".norm.") || holds(".gamma"));
}

// The CLIP head in the layouts of whole files: timm, original ConvNeXt, Hugging Face.
bool is_clip_head(const std::string& name) {
  static const std::regex kHead(
      "^(vision_tower\\.clip_vision_model\\.)?(trunk\\.)?(head\\.(norm|proj|mlp\\.fc[12])|norm|layernorm|head)"
      "\\.(weight|bias)$");
  return std::regex_match(name, kHead);
}

}  // namespace

std::string canonical_name(const std::string& name) {
  if (is_canonical(name)) return name;
  std::string now = name;
  for (int round = 0; round < kMostRounds; ++round) {
    const std::string before = now;
    for (const Rule& rule : rules()) now = std::regex_replace(now, rule.pattern, rule.to);
    if (now == before) break;
  }
  return now;
}

bool is_unused_name(const std::string& canonical) {
  for (const char* word : {"sem_seg_head", "clip_model.transformers", "dilation_kernel", "logit_scale"}) {
    if (canonical.find(word) != std::string::npos) return true;
  }
  static const std::regex kKernel("^multi_modal_projector\\.proj_segtok\\.[0-9]+\\.(weight|bias)$");
  return canonical.ends_with(".inv_freq") || is_clip_head(canonical) || std::regex_match(canonical, kKernel);
}

WeightMap with_canonical_names(const WeightMap& weights, const std::string& source) {
  WeightMap result;
  std::map<std::string, std::string> origin;
  for (const auto& [name, tensor] : weights) {
    if (name.size() > 1024) {
      throw Error(ErrorCode::Refused, {.file = source, .where = "tensor " + name, .what = "name too long"});
    }
    const std::string canonical = canonical_name(name);
    const auto [place, added] = origin.emplace(canonical, name);
    if (!added) {
      throw Error(ErrorCode::Malformed, {.file = source,
                                         .where = "tensor " + name,
                                         .what = "means the same as another tensor",
                                         .got = place->second});
    }
    const bool squeeze = tensor.rank() == 4 && canonical.starts_with(kVision) &&
                         canonical.find(".mlp.fc") != std::string::npos && tensor.dim(2) == 1 && tensor.dim(3) == 1;
    result.emplace(canonical, squeeze ? tensor.reshaped({tensor.dim(0), tensor.dim(1)}) : tensor);
  }
  return result;
}

}  // namespace magma
