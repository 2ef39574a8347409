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
  // Prompt lookup: guess up to so many tokens at a time and check them in one pass. Greedy alone (Error(Usage)), and
  // without on_logits; the answer is the one without it, bit by bit. No more than Network::few_tokens() go into a pass,
  // since beyond it the network's last bits differ: for each running row that many, shared evenly, its own token among
  // them. Nothing is guessed for more rows than that, nor where the rotary frequencies would change with the length.
  int64_t lookup = 0;
  // Called with every token as it is chosen, stops included; false ends the row there.
  std::function<bool(int64_t row, int64_t id)> on_token{};
  std::function<void(const Tensor& logits)> on_logits{};  // [B, V] of each step
  // What each row may say; a row whose constraint is complete ends there, as if it had stopped by itself.
  std::function<std::unique_ptr<TokenConstraint>(int64_t row)> constraint{};
};

struct Generated {
  Ids ids;               // up to and including a stop id
  bool stopped = false;  // by itself: a stop id, or its constraint is complete
  int64_t drafted = 0;   // by prompt lookup
  int64_t accepted = 0;  // of those, each of which saved a pass
};

void require_valid(const GenerateOptions& options);  // Error(Usage) names the field

// Rows are independent: each draws from its own stream, so a batch gives what its rows give alone. Between tokens a
// signal ends it with Error(Interrupted).
std::vector<Generated> generate(Network& network, const std::vector<Prompt>& prompts, const GenerateOptions& options);

}  // namespace magma
