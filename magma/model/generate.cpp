#include "magma/model/generate.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/model/prompt_lookup.h"

namespace magma {
namespace {

struct Row {
  Row(const Prompt& prompt, int64_t most, uint64_t seed)
      : ids(prompt.ids), seen(prompt.ids.begin(), prompt.ids.end()), rng(seed, "row", "generate") {
    ids.reserve(ids.size() + static_cast<size_t>(most));
    result.ids.reserve(static_cast<size_t>(most));
  }

  Ids ids;                 // prompt and answer
  std::set<int64_t> seen;  // for a repetition penalty
  Rng rng;
  std::unique_ptr<TokenConstraint> constraint;
  Generated result;
  bool ended = false;
};

// The row's next token from its logits.
void choose(Row& row, int64_t index, std::span<const float> logits, const GenerateOptions& options) {
  const int64_t id = choose_token(logits, options.sampling, row.seen, row.rng, row.constraint.get());
  row.ids.push_back(id);
  if (options.sampling.repetition_penalty != 1) row.seen.insert(id);
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

void decode_one_by_one(Network& network, Prefilled state, std::vector<Row>& rows, const GenerateOptions& options) {
  const int64_t V = network.vocabulary();
  const Tensor* logits = &state.logits;
  std::vector<std::optional<int64_t>> next(rows.size());
  while (true) {
    if (options.on_logits) options.on_logits(*logits);
    bool running = false;
    for (size_t r = 0; r < rows.size(); ++r) {
      next[r].reset();
      if (rows[r].ended) continue;
      const float* of_row = logits->floats() + static_cast<int64_t>(r) * V;
      choose(rows[r], static_cast<int64_t>(r), {of_row, static_cast<size_t>(V)}, options);
      if (rows[r].ended) continue;
      next[r] = rows[r].ids.back();
      running = true;
    }
    if (!running) return;
    throw_if_interrupted();
    logits = &network.decode(*state.sequences, next);
  }
}

// Chooses after each fed token for as long as what was drafted next is what is chosen. -> how many were
size_t choose_drafted(Row& row, int64_t index, std::span<const float> logits, const Ids& fed,
                      const GenerateOptions& options) {
  const size_t V = logits.size() / fed.size();
  for (size_t accepted = 0;; ++accepted) {
    choose(row, index, logits.subspan(accepted * V, V), options);
    if (row.ended || accepted + 1 == fed.size() || fed[accepted + 1] != row.ids.back()) return accepted;
  }
}

// The row's last token and at most `most` drafted ones: no more than its answer, of which the last is never fed, and
// its context of `length` places so far have room for, and only those that stand for themselves.
Ids with_draft(const Network& network, const Row& row, int64_t length, int64_t most) {
  const MagmaConfig& config = network.config();
  Ids fed = {row.ids.back()};
  for (const int64_t id : looked_up(row.ids, std::min(most, config.text.max_position_embeddings - length - 1))) {
    if (id == config.image_token_index || id < 0 || id >= network.vocabulary()) break;
    fed.push_back(id);
  }
  return fed;
}

void decode_by_lookup(Network& network, Prefilled state, std::vector<Row>& rows, const GenerateOptions& options) {
  const auto V = static_cast<size_t>(network.vocabulary());
  std::vector<Ids> fed(rows.size(), Ids(1));  // the logits of prefill are those after one token of each row
  const Tensor* given = &state.logits;
  while (true) {
    const float* logits = given->floats();
    int64_t running = 0;
    for (size_t r = 0; r < rows.size(); ++r) {
      if (fed[r].empty()) continue;
      const auto index = static_cast<int64_t>(r);
      const size_t accepted = choose_drafted(rows[r], index, {logits, fed[r].size() * V}, fed[r], options);
      const size_t drafted = fed[r].size() - 1;
      state.sequences->truncate(index, state.sequences->length(index) - static_cast<int64_t>(drafted - accepted));
      rows[r].result.drafted += static_cast<int64_t>(drafted);
      rows[r].result.accepted += static_cast<int64_t>(accepted);
      logits += fed[r].size() * V;
      running += rows[r].ended ? 0 : 1;
    }
    if (running == 0) return;
    const int64_t most = std::min(options.lookup, network.few_tokens() / running - 1);
    for (size_t r = 0; r < rows.size(); ++r) {
      fed[r].clear();
      if (rows[r].ended) continue;
      const int64_t left = options.max_new_tokens - static_cast<int64_t>(rows[r].result.ids.size());
      fed[r] = with_draft(network, rows[r], state.sequences->length(static_cast<int64_t>(r)), std::min(most, left - 1));
    }
    throw_if_interrupted();
    given = &network.extend(*state.sequences, fed);
  }
}

// Rows that advance at their own pace must have the frequencies that they have in step.
bool may_draft(const Network& network, const Sequences& sequences, const GenerateOptions& options) {
  if (sequences.count() > network.few_tokens()) return false;
  const TextConfig& text = network.config().text;
  int64_t shortest = text.max_position_embeddings, longest = 0;
  for (int64_t r = 0; r < sequences.count(); ++r) {
    shortest = std::min(shortest, sequences.length(r));
    longest = std::max(longest, sequences.length(r));
  }
  const int64_t end = std::min(longest + options.max_new_tokens, text.max_position_embeddings);
  return same_frequencies(text.rope, shortest + 1, end);
}

}  // namespace

void require_valid(const GenerateOptions& options) {
  require_valid(options.sampling);
  if (options.max_new_tokens < 1) {
    throw Error(ErrorCode::Usage, {.where = "max_new_tokens", .what = "out of range", .expected = "at least 1"});
  }
  if (options.lookup < 0) {
    throw Error(ErrorCode::Usage, {.where = "lookup", .what = "out of range", .expected = "at least 0"});
  }
  if (options.lookup > 0 && options.sampling.temperature > 0) {
    throw Error(ErrorCode::Usage, {.where = "lookup",
                                   .what = "guesses are checked against the likeliest token, not against a drawn one",
                                   .expected = "temperature 0",
                                   .got = fmt::format("temperature {}", options.sampling.temperature)});
  }
}

std::vector<Generated> generate(Network& network, const std::vector<Prompt>& prompts, const GenerateOptions& options) {
  require_valid(options);
  MAGMA_CHECK(options.lookup == 0 || !options.on_logits, "rows do not advance in step with lookup");
  std::vector<Row> rows;
  const int64_t most = std::min(options.max_new_tokens, network.config().text.max_position_embeddings);
  for (const Prompt& prompt : prompts) rows.emplace_back(prompt, most, options.seed);
  for (size_t r = 0; options.constraint && r < rows.size(); ++r) {
    rows[r].constraint = options.constraint(static_cast<int64_t>(r));
  }
  Prefilled state = network.prefill(prompts, {});
  const bool drafts = options.lookup > 0 && may_draft(network, *state.sequences, options);
  (drafts ? decode_by_lookup : decode_one_by_one)(network, std::move(state), rows, options);
  std::vector<Generated> results;
  for (Row& row : rows) results.push_back(std::move(row.result));
  return results;
}

}  // namespace magma
