// What quantisation cost: the next-token distributions of two models of the same text, and of text after pictures.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "magma/model/text_samples.h"

namespace magma {

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
// Each token of the samples takes 4 bytes per token of the vocabulary meanwhile.
struct QuantisationCheck {
  Path before, after;
  TextSampleOptions samples{.text = {}, .images = {}, .tokens = 2048};
  int threads = 1;
};
QuantisationCost quantisation_cost(const QuantisationCheck& check,
                                   const std::function<void(int64_t sequences)>& progress);

nlohmann::json quantisation_cost_json(const QuantisationCost& cost);
std::string quantisation_cost_table(const QuantisationCost& cost);

}  // namespace magma
