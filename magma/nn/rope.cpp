#include "magma/nn/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "magma/core/check.h"

namespace magma {
namespace {

using Frequencies = std::vector<double>;

Frequencies plain(double theta, int64_t width) {
  Frequencies result;
  for (int64_t i = 0; i < width / 2; ++i) {
    result.push_back(std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(width)));
  }
  return result;
}

// The length that the dynamic type goes by.
int64_t stretched(const RopeConfig& config, int64_t length) { return std::max(length, config.max_position_embeddings); }

Frequencies dynamic(const RopeConfig& config, int64_t length) {
  const auto most = static_cast<double>(config.max_position_embeddings), width = static_cast<double>(config.width);
  const double n = static_cast<double>(stretched(config, length)), factor = config.scaling.factor;
  const double stretch = factor * n / most - (factor - 1);
  return plain(config.theta * std::pow(stretch, width / (width - 2)), config.width);
}

Frequencies llama3(const RopeConfig& config) {
  const RopeScaling& scaling = config.scaling;
  const auto original = static_cast<double>(scaling.original_max_position_embeddings);
  Frequencies result = plain(config.theta, config.width);
  for (double& inverse : result) {
    const double wave = 2 * std::numbers::pi / inverse;
    if (wave < original / scaling.high_freq_factor) continue;
    const double smooth =
        (original / wave - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
    const bool long_wave = wave > original / scaling.low_freq_factor;
    inverse = long_wave ? inverse / scaling.factor : (1 - smooth) * inverse / scaling.factor + smooth * inverse;
  }
  return result;
}

Frequencies yarn(const RopeConfig& config) {
  const RopeScaling& scaling = config.scaling;
  const auto width = static_cast<double>(config.width);
  const auto original =
      static_cast<double>(scaling.original_max_position_embeddings > 0 ? scaling.original_max_position_embeddings
                                                                       : config.max_position_embeddings);
  const auto dimension = [&](double turns) {
    return width * std::log(original / (turns * 2 * std::numbers::pi)) / (2 * std::log(config.theta));
  };
  const double low = std::max(std::floor(dimension(scaling.beta_fast)), 0.0);
  double high = std::min(std::ceil(dimension(scaling.beta_slow)), width - 1);
  if (low == high) high += 0.001;
  Frequencies result = plain(config.theta, config.width);
  for (size_t i = 0; i < result.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    result[i] = result[i] * (1 - ramp) + result[i] / scaling.factor * ramp;
  }
  return result;
}

// How much longer than trained the positions are.
double longrope_stretch(const RopeConfig& config) {
  const int64_t original = config.scaling.original_max_position_embeddings;
  if (original == 0) return config.scaling.factor;
  return static_cast<double>(config.max_position_embeddings) / static_cast<double>(original);
}

// Beyond what longrope's short factors are for.
bool is_long(const RopeConfig& config, int64_t length) {
  const int64_t original = config.scaling.original_max_position_embeddings;
  return length > (original > 0 ? original : config.max_position_embeddings);
}

Frequencies longrope(const RopeConfig& config, int64_t length) {
  const RopeScaling& scaling = config.scaling;
  const bool beyond = scaling.type == "longrope" && is_long(config, length);
  const std::vector<double>& factors = beyond ? scaling.long_factor : scaling.short_factor;
  Frequencies result = plain(config.theta, config.width);
  MAGMA_CHECK(factors.size() == result.size(), "{} factors for {} frequencies", factors.size(), result.size());
  for (size_t i = 0; i < result.size(); ++i) result[i] /= factors[i];
  return result;
}

Frequencies scaled(const RopeConfig& config, int64_t length) {
  const std::string& type = config.scaling.type;
  if (type == "dynamic") return dynamic(config, length);
  if (type == "llama3") return llama3(config);
  if (type == "yarn") return yarn(config);
  if (type == "longrope" || type == "factors") return longrope(config, length);
  Frequencies result = plain(config.theta, config.width);
  MAGMA_CHECK(type == "default" || type == "linear", "rotary scaling {}", type);
  if (type == "linear") {
    for (double& inverse : result) inverse /= config.scaling.factor;
  }
  return result;
}

double factor_of(const RopeConfig& config) {
  const RopeScaling& scaling = config.scaling;
  if (scaling.type != "yarn" && scaling.type != "longrope") return 1;
  if (scaling.attention_factor) return *scaling.attention_factor;
  if (scaling.type == "yarn") return scaling.factor <= 1 ? 1 : 0.1 * std::log(scaling.factor) + 1;
  const double stretch = longrope_stretch(config);
  const int64_t original = scaling.original_max_position_embeddings > 0 ? scaling.original_max_position_embeddings
                                                                        : config.max_position_embeddings;
  return stretch <= 1 ? 1 : std::sqrt(1 + std::log(stretch) / std::log(static_cast<double>(original)));
}

}  // namespace

RopeFrequencies rope_frequencies(const RopeConfig& config, int64_t length) {
  RopeFrequencies result;
  for (const double inverse : scaled(config, length)) result.inverse.push_back(static_cast<float>(inverse));
  result.factor = static_cast<float>(factor_of(config));
  return result;
}

bool same_frequencies(const RopeConfig& config, int64_t length, int64_t other_length) {
  if (config.scaling.type == "dynamic") return stretched(config, length) == stretched(config, other_length);
  return config.scaling.type != "longrope" || is_long(config, length) == is_long(config, other_length);
}

void rope_angles(const RopeFrequencies& frequencies, int64_t position, float* cosines, float* sines) {
  for (const float inverse : frequencies.inverse) {
    const float angle = static_cast<float>(position) * inverse;
    *cosines++ = static_cast<float>(std::cos(static_cast<double>(angle))) * frequencies.factor;
    *sines++ = static_cast<float>(std::sin(static_cast<double>(angle))) * frequencies.factor;
  }
}

}  // namespace magma
