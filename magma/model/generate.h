// Generate: prefill, then one token after the other until a stop rule.
#pragma once

#include <functional>
#include <memory>

#include "magma/model/network.h"
#include "magma/nn/sampling.h"

namespace magma {

struct GenerateOptions {
  int64_t max_new_tokens = 256;
  std::vector<int64_t> stop_ids{};
  SamplingOptions sampling{};
  uint64_t seed = 0;
  // Called with every token as it is chosen, stops included; false ends the row there.
  std::function<bool(int64_t row, int64_t id)> on_token{};
  std::function<void(const Tensor& logits)> on_logits{};  // [B, V] of each step
  // What each row may say; a row whose constraint is complete ends there, as if it had stopped by itself.
  std::function<std::unique_ptr<TokenConstraint>(int64_t row)> constraint{};
};

struct Generated {
  Ids ids;               // up to and including a stop id
  bool stopped = false;  // by itself: a stop id, or its constraint is complete
};

// Rows are independent: each draws from its own stream, so a batch gives what its rows give alone. Between tokens a
// signal ends it with Error(Interrupted).
std::vector<Generated> generate(Network& network, const std::vector<Prompt>& prompts, const GenerateOptions& options);

}  // namespace magma
