#include "magma/model/quantise_check.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/interrupt.h"

namespace magma {
namespace {

constexpr int64_t kFewestTokens = 2;  // one that is predicted

// [places of text, V]
Tensor logits_of(const Pretrained& model, const TextSample& sample, int threads) {
  const Prompt prompt = prompt_of(model, sample, threads);
  const Prefilled result = model.network->prefill({prompt}, {.all_logits = true});
  const int64_t L = result.logits.dim(1), V = result.logits.dim(2);
  return result.logits.reshaped({L, V}).slice(L - sample.text_places, L);
}

// Logarithms of probabilities, in place.
void log_softmax(float* row, int64_t count) {
  const float largest = *std::max_element(row, row + count);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(row[i] - largest));
  const auto shift = static_cast<float>(largest + std::log(sum));
  for (int64_t i = 0; i < count; ++i) row[i] -= shift;
}

struct Totals {
  int64_t places = 0, predicted = 0, agreed = 0;
  double before = 0, after = 0, kl = 0;
};

void add_place(const float* before, const float* after, int64_t V, std::optional<int64_t> next, Totals& totals) {
  double kl = 0;
  for (int64_t i = 0; i < V; ++i) kl += std::exp(static_cast<double>(before[i])) * (before[i] - after[i]);
  totals.kl += kl;
  totals.agreed += std::max_element(before, before + V) - before == std::max_element(after, after + V) - after ? 1 : 0;
  ++totals.places;
  if (!next) return;
  totals.before -= before[*next];
  totals.after -= after[*next];
  ++totals.predicted;
}

class Comparison {
 public:
  Comparison(const std::vector<TextSample>& samples, const Pretrained& first, int threads,
             const std::function<void(int64_t)>& progress)
      : samples_(samples) {
    for (const TextSample& sample : samples) {
      throw_if_interrupted();
      before_.push_back(logits_of(first, sample, threads));
      for (int64_t r = 0; r < before_.back().dim(0); ++r) log_softmax(row(before_.back(), r), before_.back().dim(1));
      progress(1);
    }
  }

  DistributionCost cost(const Pretrained& second, int threads, const std::function<void(int64_t)>& progress) {
    Totals totals;
    for (size_t i = 0; i < samples_.size(); ++i) {
      throw_if_interrupted();
      const TextSample& sample = samples_[i];
      Tensor after = logits_of(second, sample, threads);
      const int64_t rows = after.dim(0), V = after.dim(1);
      if (V != before_[i].dim(1)) {
        throw Error(ErrorCode::Usage, {.file = second.source,
                                       .what = "has another vocabulary",
                                       .expected = std::to_string(before_[i].dim(1)),
                                       .got = std::to_string(V)});
      }
      const auto first = static_cast<int64_t>(sample.ids.size()) - sample.text_places;
      for (int64_t r = 0; r < rows; ++r) {
        log_softmax(row(after, r), V);
        std::optional<int64_t> next;
        if (r + 1 < rows) next = sample.ids[static_cast<size_t>(first + r + 1)];
        add_place(row(before_[i], r), row(after, r), V, next, totals);
      }
      progress(1);
    }
    if (totals.places == 0) return {};
    const auto predicted = static_cast<double>(std::max<int64_t>(1, totals.predicted));
    const auto places = static_cast<double>(totals.places);
    return {totals.places, std::exp(totals.before / predicted), std::exp(totals.after / predicted), totals.kl / places,
            static_cast<double>(totals.agreed) / places};
  }

 private:
  // The tensors are this class's own, though a slice does not say so.
  static float* row(Tensor& tensor, int64_t r) { return const_cast<float*>(tensor.floats()) + r * tensor.dim(1); }

  const std::vector<TextSample>& samples_;
  std::vector<Tensor> before_;  // logarithms of probabilities
};

Json cost_json(const DistributionCost& cost) {
  return {{"tokens", cost.tokens},         {"perplexity_before", cost.perplexity_before},
          {"perplexity", cost.perplexity}, {"perplexity_ratio", cost.perplexity / cost.perplexity_before},
          {"mean_kl", cost.mean_kl},       {"top_1_agreement", cost.top_1_agreement}};
}

std::string cost_line(const char* what, const DistributionCost& cost) {
  return fmt::format("{:<14}{:>8} {:>12.4f} {:>12.4f} {:>8.4f} {:>12.6f} {:>8.2f} %", what, cost.tokens,
                     cost.perplexity_before, cost.perplexity, cost.perplexity / cost.perplexity_before, cost.mean_kl,
                     100 * cost.top_1_agreement);
}

}  // namespace

QuantisationCost quantisation_cost(const QuantisationCheck& check, const std::function<void(int64_t)>& progress) {
  const int threads = check.threads;
  std::optional<Pretrained> model = load_pretrained(check.before, {.threads = threads});
  const TextSamples samples = text_samples(*model, check.samples, kFewestTokens);
  Comparison text(samples.text, *model, threads, progress);
  Comparison images(samples.after_images, *model, threads, progress);
  model.reset();
  model = load_pretrained(check.after, {.threads = threads});
  return {text.cost(*model, threads, progress), images.cost(*model, threads, progress)};
}

Json quantisation_cost_json(const QuantisationCost& cost) {
  Json json = {{"text", cost_json(cost.text)}};
  if (cost.after_images.tokens > 0) json["after_images"] = cost_json(cost.after_images);
  return json;
}

std::string quantisation_cost_table(const QuantisationCost& cost) {
  std::string table = fmt::format("{:<14}{:>8} {:>12} {:>12} {:>8} {:>12} {:>10}\n", "", "tokens", "perplexity", "now",
                                  "ratio", "mean KL", "same top");
  table += cost_line("text", cost.text);
  if (cost.after_images.tokens > 0) table += "\n" + cost_line("after images", cost.after_images);
  return table;
}

}  // namespace magma
