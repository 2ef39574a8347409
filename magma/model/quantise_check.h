// What quantisation cost: the next-token distributions of two models of the same text, and of text after pictures.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/file.h"

namespace magma {

struct QuantiseCheckOptions {
  Path text;                 // UTF-8
  std::vector<Path> images;  // each stands before a piece of the text
  int64_t tokens = 2048;     // of the text at most; each takes 4 bytes per token of the vocabulary meanwhile
  int64_t window = 512;      // tokens of one sequence
  int threads = 1;
};

struct DistributionCost {
  int64_t tokens = 0;  // compared
  double perplexity_before = 0, perplexity = 0;
  double mean_kl = 0;          // of the first model's distribution from the second's, nats
  double top_1_agreement = 0;  // share of places where the likeliest token is the same
};

struct QuantisationCost {
  DistributionCost text;
  DistributionCost after_images;  // tokens 0: without images
};

// Loads one model after the other. Error(Usage) for a text of fewer than two tokens, or images where it sees none.
QuantisationCost quantisation_cost(const Path& before, const Path& after, const QuantiseCheckOptions& options,
                                   const std::function<void(int64_t sequences)>& progress);

nlohmann::json quantisation_cost_json(const QuantisationCost& cost);
std::string quantisation_cost_table(const QuantisationCost& cost);

}  // namespace magma
