#include "magma/model/calibration.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/interrupt.h"
#include "magma/core/limits.h"
#include "magma/model/weight_names.h"

namespace magma {
namespace {

// Another number where another rounding comes of the same samples.
constexpr int kMethod = 1;

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kReaders = {{{"self_attn.q_proj", "attention"},
                                                                                    {"self_attn.k_proj", "attention"},
                                                                                    {"self_attn.v_proj", "attention"},
                                                                                    {"self_attn.qkv_proj", "attention"},
                                                                                    {"self_attn.o_proj", "output"},
                                                                                    {"mlp.gate_proj", "mlp"},
                                                                                    {"mlp.up_proj", "mlp"},
                                                                                    {"mlp.gate_up_proj", "mlp"},
                                                                                    {"mlp.down_proj", "down"}}};

// A head that is the embedding too: its rows are read one by one as well, where all inputs are alike.
constexpr double kDampingOfEmbedding = 1;

std::string digest_of(const TextSampleOptions& samples) {
  std::string all = fmt::format("gptq {} {} {}\n", kMethod, samples.tokens, samples.window);
  all += sha256_hex(read_file(samples.text, limits().json_bytes));
  for (const Path& image : samples.images) all += sha256_hex(read_file(image, limits().json_bytes));
  return sha256_hex(all);
}

}  // namespace

Calibration::Calibration(Path model, CalibrationOptions options, int threads)
    : model_(std::move(model)), options_(std::move(options)), threads_(threads), digest_(digest_of(options_.samples)) {
  const TextSampleOptions& samples = options_.samples;
  samples_ = text_samples(load_pretrained_text(model_), samples, std::min(samples.tokens, samples.window));
}

std::optional<std::string> Calibration::input_of(const std::string& weight) {
  if (weight == kHeadWeight || weight == kEmbeddingWeight) return "head";
  constexpr std::string_view kLayers = "language_model.model.layers.", kWeight = ".weight";
  if (!weight.starts_with(kLayers) || !weight.ends_with(kWeight)) return std::nullopt;
  const size_t dot = weight.find('.', kLayers.size());
  if (dot == std::string::npos || dot + 1 + kWeight.size() > weight.size()) return std::nullopt;
  const std::string part = weight.substr(dot + 1, weight.size() - kWeight.size() - dot - 1);
  for (const auto& [name, input] : kReaders) {
    if (part == name) return fmt::format("layer.{}.{}", weight.substr(kLayers.size(), dot - kLayers.size()), input);
  }
  return std::nullopt;
}

void Calibration::expect(const std::vector<CalibratedWeight>& weights) {
  for (const CalibratedWeight& weight : weights) {
    const auto input = input_of(weight.name);
    MAGMA_CHECK(input.has_value(), "{} is not calibrated", weight.name);
    const bool known = std::any_of(inputs_.begin(), inputs_.end(), [&](const auto& at) { return at.first == *input; });
    if (!known) inputs_.emplace_back(*input, weight.inputs);
  }
}

const ErrorFeedback& Calibration::feedback(const std::string& weight, Team& team) {
  const std::string input = input_of(weight).value_or("");
  const auto ready = feedbacks_.find(input);
  if (ready != feedbacks_.end()) return ready->second;
  if (!moments_.contains(input)) read_samples(input, team);
  const auto found = moments_.find(input);
  const double damping = weight == kEmbeddingWeight ? kDampingOfEmbedding : ErrorFeedback::kDamping;
  const ErrorFeedback& result = feedbacks_.emplace(input, ErrorFeedback(found->second, team, damping)).first->second;
  moments_.erase(found);
  return result;
}

void Calibration::read_samples(const std::string& first, Team& team) {
  feedbacks_.clear();
  moments_.clear();
  auto next = std::find_if(inputs_.begin(), inputs_.end(), [&](const auto& input) { return input.first == first; });
  MAGMA_CHECK(next != inputs_.end(), "{} was not expected", first);
  int64_t bytes = 0;
  for (; next != inputs_.end(); ++next) {
    const auto& [name, width] = *next;
    bytes += width * width * static_cast<int64_t>(sizeof(float));
    if (!moments_.empty() && bytes > options_.moments_bytes) break;
    moments_.emplace(name, InputMoments(width));
  }
  ++passes_;
  const Pretrained model = load_pretrained(model_, {.threads = threads_});
  const StageSink look = [&](const std::string& name, const Tensor& x) {
    throw_if_interrupted();
    const auto found = moments_.find(name);
    if (found != moments_.end()) found->second.add(x, team);
  };
  int64_t places = 0;
  for (const auto* samples : {&samples_.text, &samples_.after_images}) {
    for (const TextSample& sample : *samples) {
      model.network->prefill({prompt_of(model, sample, threads_)}, {.linear_inputs = look});
      places += static_cast<int64_t>(sample.ids.size());
      if (options_.progress) options_.progress(passes_, places);
    }
  }
  for (const auto& [name, moments] : moments_) {
    if (moments.is_finite()) continue;
    throw Error(ErrorCode::Malformed, {.file = model_.string(),
                                       .where = "calibration, inputs of " + name,
                                       .what = "are no numbers",
                                       .hint = "the model does not survive this text"});
  }
}

}  // namespace magma
