// Options that every command with a model takes.
#pragma once

#include <string>

#include "magma/model/generate.h"
#include "magma/model/pretrained.h"
#include "magma/nn/sampling.h"

namespace CLI {
class App;
}

namespace magma {

struct ModelOptions {
  std::string model, precision = "stored", cache = "f32";
  int threads = 0;  // 0: one per processor

  void add_to(CLI::App& app);
  LoadOptions load_options() const;
};

void add_cache_option(CLI::App& app, std::string& cache);

struct AnswerLength {
  int64_t max_tokens = 500;
  uint64_t seed = 0;
  int64_t lookup = 0;
  SamplingOptions sampling{};

  void add_to(CLI::App& app);
  GenerateOptions generate_options() const;  // Error(Usage) where they contradict each other
};

}  // namespace magma
