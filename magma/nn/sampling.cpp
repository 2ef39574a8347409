#include "magma/nn/sampling.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "magma/core/error.h"

namespace magma {
namespace {

struct Candidate {
  int64_t id;
  double logit;
};

bool likelier(const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.id < b.id; }

bool in(const std::optional<IdRange>& range, int64_t id) { return range && id >= range->first && id <= range->last; }

double penalised(double logit, double penalty) { return logit < 0 ? logit * penalty : logit / penalty; }

// What a token is chosen by.
struct Choice {
  std::span<const float> logits;
  const SamplingOptions& options;
  const std::set<int64_t>& seen;
  const TokenConstraint* constraint;
};

template <typename Take>
void for_candidates(const Choice& choice, const Take& take) {
  const SamplingOptions& options = choice.options;
  for (size_t i = 0; i < choice.logits.size(); ++i) {
    const auto id = static_cast<int64_t>(i);
    if ((options.allowed && !in(options.allowed, id)) || in(options.banned, id)) continue;
    if (choice.constraint != nullptr && !choice.constraint->allows(id)) continue;
    const float logit = choice.logits[i];
    if (!std::isfinite(logit)) {
      throw Error(ErrorCode::Numerical, {.where = fmt::format("logit {}", id), .what = "not a finite number"});
    }
    const bool repeated = options.repetition_penalty != 1 && choice.seen.contains(id);
    take(Candidate{id, repeated ? penalised(logit, options.repetition_penalty) : logit});
  }
}

[[noreturn]] void refuse_all() {
  throw Error(ErrorCode::Usage, {.where = "allowed ids", .what = "no token is allowed"});
}

int64_t likeliest(const Choice& choice) {
  std::optional<Candidate> best;
  for_candidates(choice, [&](const Candidate& candidate) {
    if (!best || likelier(candidate, *best)) best = candidate;
  });
  if (!best) refuse_all();
  return best->id;
}

// Weights of the candidates, likeliest first, cut to top_k and top_p.
std::vector<double> kept_weights(std::vector<Candidate>& candidates, const SamplingOptions& options) {
  const auto k = static_cast<size_t>(options.top_k);
  const size_t keep = k > 0 ? std::min(k, candidates.size()) : candidates.size();
  const auto cut = candidates.begin() + static_cast<std::ptrdiff_t>(keep);
  std::partial_sort(candidates.begin(), cut, candidates.end(), likelier);
  candidates.erase(cut, candidates.end());
  std::vector<double> weights;
  double total = 0;
  for (const Candidate& candidate : candidates) {
    weights.push_back(std::exp((candidate.logit - candidates.front().logit) / options.temperature));
    total += weights.back();
  }
  double share = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (i > 0 && share >= options.top_p * total) {
      weights.resize(i);
      break;
    }
    share += weights[i];
  }
  return weights;
}

void require(bool holds, const char* field, const char* expected, double got) {
  if (holds) return;
  throw Error(ErrorCode::Usage,
              {.where = field, .what = "out of range", .expected = expected, .got = fmt::format("{}", got)});
}

}  // namespace

void require_valid(const SamplingOptions& options) {
  require(options.temperature >= 0 && options.temperature <= 100, "temperature", "0 to 100", options.temperature);
  require(options.top_k >= 0, "top_k", "at least 0", static_cast<double>(options.top_k));
  require(options.top_p > 0 && options.top_p <= 1, "top_p", "above 0, at most 1", options.top_p);
  require(options.repetition_penalty > 0 && options.repetition_penalty <= 100, "repetition_penalty",
          "above 0, at most 100", options.repetition_penalty);
}

int64_t choose_token(std::span<const float> logits, const SamplingOptions& options, const std::set<int64_t>& seen,
                     Rng& rng, const TokenConstraint* constraint) {
  const Choice choice{logits, options, seen, constraint};
  if (options.temperature == 0) return likeliest(choice);
  std::vector<Candidate> candidates;
  candidates.reserve(logits.size());
  for_candidates(choice, [&](const Candidate& candidate) { candidates.push_back(candidate); });
  if (candidates.empty()) refuse_all();
  const std::vector<double> weights = kept_weights(candidates, options);
  double total = 0;
  for (const double weight : weights) total += weight;
  double left = rng.uniform() * total;
  for (size_t i = 0; i + 1 < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return candidates[i].id;
  }
  return candidates[weights.size() - 1].id;
}

}  // namespace magma
