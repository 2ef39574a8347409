// Rotary positions: frequencies with every scaling of model.md 4.3, and tables of cosines and sines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace magma {

struct RopeScaling {
  std::string type = "default";  // linear, dynamic, llama3, yarn, longrope; "factors": each frequency has its own
  double factor = 1;
  double low_freq_factor = 1, high_freq_factor = 4;
  int64_t original_max_position_embeddings = 0;  // 0: not given
  std::optional<double> attention_factor;
  double beta_fast = 32, beta_slow = 1;
  std::vector<double> short_factor, long_factor;  // [width / 2]; "factors" has short_factor alone
};

struct RopeConfig {
  int64_t width = 0;  // of a head; even
  double theta = 10000;
  int64_t max_position_embeddings = 0;
  RopeScaling scaling;
};

struct RopeFrequencies {
  std::vector<float> inverse;  // [width / 2]
  float factor = 1;            // on cosines and sines
};

// `length`: of the sequence, for the types that depend on it.
RopeFrequencies rope_frequencies(const RopeConfig& config, int64_t length);

bool same_frequencies(const RopeConfig& config, int64_t length, int64_t other_length);

// cosines, sines [width / 2]. The angle is position times frequency in f32, as the reference has it.
void rope_angles(const RopeFrequencies& frequencies, int64_t position, float* cosines, float* sines);

}  // namespace magma
