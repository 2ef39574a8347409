// The choice of the next token from logits.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "magma/core/random.h"

namespace magma {

struct IdRange {
  int64_t first, last;  // inclusive
};

struct SamplingOptions {
  double temperature = 0;         // 0: the best token, always
  int64_t top_k = 0;              // 0: all
  double top_p = 1;               // smallest set of likeliest tokens that holds this share
  double repetition_penalty = 1;  // on every token already there
  std::optional<IdRange> allowed;
  std::optional<IdRange> banned;
};

// What may stand in one row's answer, whatever the model finds likely. It follows the row token by token.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;
  virtual bool allows(int64_t id) const = 0;  // as the next token
  virtual void accept(int64_t id) = 0;        // it was chosen
  virtual bool complete() const = 0;          // nothing may follow
};

void require_valid(const SamplingOptions& options);  // Error(Usage) names the field

// Equal logits: the lowest id first. What the constraint does not allow is left out before anything else. A logit that
// is not finite is Error(Numerical).
int64_t choose_token(std::span<const float> logits, const SamplingOptions& options, const std::set<int64_t>& seen,
                     Rng& rng, const TokenConstraint* constraint = nullptr);

}  // namespace magma
