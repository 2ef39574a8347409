#include "magma/model/generate.h"

#include <algorithm>
#include <set>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"

namespace magma {
namespace {

struct Row {
  explicit Row(const Prompt& prompt, uint64_t seed)
      : seen(prompt.ids.begin(), prompt.ids.end()), rng(seed, "row", "generate") {}

  std::set<int64_t> seen;
  Rng rng;
  std::unique_ptr<TokenConstraint> constraint;
  Generated result;
  bool ended = false;
};

// The row's next token from its logits.
void choose(Row& row, int64_t index, std::span<const float> logits, const GenerateOptions& options) {
  const int64_t id = choose_token(logits, options.sampling, row.seen, row.rng, row.constraint.get());
  row.seen.insert(id);
  row.result.ids.push_back(id);
  row.result.stopped = std::find(options.stop_ids.begin(), options.stop_ids.end(), id) != options.stop_ids.end();
  if (row.constraint) {
    row.constraint->accept(id);
    row.result.stopped = row.result.stopped || row.constraint->complete();
  }
  const bool wanted = !options.on_token || options.on_token(index, id);
  const bool full = static_cast<int64_t>(row.result.ids.size()) >= options.max_new_tokens;
  row.ended = row.result.stopped || !wanted || full;
}

}  // namespace

std::vector<Generated> generate(Network& network, const std::vector<Prompt>& prompts, const GenerateOptions& options) {
  require_valid(options.sampling);
  if (options.max_new_tokens < 1) {
    throw Error(ErrorCode::Usage, {.where = "max_new_tokens", .what = "out of range", .expected = "at least 1"});
  }
  std::vector<Row> rows;
  for (const Prompt& prompt : prompts) rows.emplace_back(prompt, options.seed);
  for (size_t r = 0; options.constraint && r < rows.size(); ++r) {
    rows[r].constraint = options.constraint(static_cast<int64_t>(r));
  }
  Prefilled state = network.prefill(prompts, {});
  const int64_t V = network.vocabulary();
  while (true) {
    if (options.on_logits) options.on_logits(state.logits);
    std::vector<std::optional<int64_t>> next(rows.size());
    bool running = false;
    for (size_t r = 0; r < rows.size(); ++r) {
      if (rows[r].ended) continue;
      const float* logits = state.logits.floats() + static_cast<int64_t>(r) * V;
      choose(rows[r], static_cast<int64_t>(r), {logits, static_cast<size_t>(V)}, options);
      if (rows[r].ended) continue;
      next[r] = rows[r].result.ids.back();
      running = true;
    }
    if (!running) break;
    throw_if_interrupted();
    state.logits = network.decode(*state.sequences, next);
  }
  std::vector<Generated> results;
  for (Row& row : rows) results.push_back(std::move(row.result));
  return results;
}

}  // namespace magma
