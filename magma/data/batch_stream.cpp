#include "magma/data/batch_stream.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/random.h"
#include "magma/data/draw_order.h"
#include "magma/data/length_groups.h"
#include "magma/data/mixtures.h"
#include "magma/data/ordered_work.h"
#include "magma/data/pictures.h"

namespace magma {
namespace {

constexpr int64_t kMostAttempts = 1000;  // bad samples in a row
constexpr int64_t kAheadPerWorker = 4;

// A row, or in file order also what is no row: a bad sample, an episode without an instruction.
struct Candidate {
  std::optional<BatchRow> row;
  std::vector<SkippedSample> skipped;
  std::optional<Error> last_error;
};

std::vector<DrawnEntry> drawn_entries(const DataSource& source, const std::vector<std::unique_ptr<Reader>>& readers) {
  std::vector<DrawnEntry> drawn;
  for (size_t i = 0; i < readers.size(); ++i) {
    drawn.push_back(
        {.size = readers[i]->size(), .stream = source.entries[i].stream, .episodes = readers[i]->episodes()});
  }
  return drawn;
}

}  // namespace

struct BatchStream::State {
  DataSource source;
  TrainingTokens tokens;
  BatchOptions options;
  std::vector<std::unique_ptr<Reader>> readers;
  PictureCropper cropper;
  std::unique_ptr<DrawOrder> order;
  StreamPosition position;
  int64_t map_items = 0, all_samples = 0;
  std::unique_ptr<OrderedWork<Candidate>> work;  // last: its threads use the rest

  State(const DataSource& given, TrainingTokens with, const BatchOptions& how)
      : source(given), tokens(std::move(with)), options(how), cropper(given.config) {}

  void open();
  void plan();
  std::vector<int64_t> grouped_order(int64_t epoch) const;
  std::optional<BatchRow> make_row(size_t entry, int64_t index) const;
  std::optional<Candidate> drawn(int64_t row) const;
  std::optional<Candidate> in_file_order(int64_t number) const;
  std::optional<BatchRow> next_row();
  void require_few_skipped(const std::optional<Error>& last) const;
};

void BatchStream::State::open() {
  for (const DataEntry& entry : source.entries) {
    readers.push_back(open_reader(entry));
    all_samples += readers.back()->size();
    if (!entry.stream) map_items += readers.back()->size();
  }
  if (all_samples == 0)
    throw Error(ErrorCode::Usage, {.file = source.file, .what = "the configuration names no sample"});
  if (options.shuffled) plan();
}

void BatchStream::State::plan() {
  std::vector<DrawnEntry> drawn = drawn_entries(source, readers);
  std::vector<StreamSource> streams;
  for (size_t i = 0; i < drawn.size(); ++i) {
    if (drawn[i].stream)
      streams.push_back({source.entries[i].options.dataset, source.entries[i].weight, readers[i]->transitions()});
  }
  DrawRules rules{.seed = options.seed, .shuffle_buffer = source.config.shuffle_buffer};
  if (!streams.empty()) {
    const StreamWeights weights = stream_weights(streams);
    for (size_t i = 0, stream = 0; i < drawn.size(); ++i) {
      if (drawn[i].stream) drawn[i].probability = weights.probability[stream++];
    }
    const double all = static_cast<double>(map_items) + static_cast<double>(weights.epoch_length);
    rules.stream_probability = map_items == 0 ? 1 : static_cast<double>(weights.epoch_length) / all;
  }
  if (source.config.group_by != "none") {
    if (!streams.empty()) {
      throw Error(ErrorCode::Usage,
                  {.file = source.file, .where = "data.group_by", .what = "robot streams cannot be grouped by length"});
    }
    grouped_order(0);  // that it can be done is known before any work
    rules.epoch_order = [this](int64_t epoch) { return grouped_order(epoch); };
  }
  order = std::make_unique<DrawOrder>(std::move(drawn), std::move(rules));
}

std::vector<int64_t> BatchStream::State::grouped_order(int64_t epoch) const {
  constexpr int64_t kPictureTokens = 128;
  const bool modality = source.config.group_by == "modality";
  std::vector<int64_t> lengths;
  for (const auto& reader : readers) {
    for (int64_t i = 0; i < reader->size(); ++i) {
      const Reader::Length length = reader->length(i);
      if (length.words < 0) {
        throw Error(ErrorCode::Usage, {.file = source.file,
                                       .where = "data.group_by",
                                       .what = "the length of these samples is not known before they are read",
                                       .got = reader->origin(i).file});
      }
      const int64_t alone = modality ? -length.words : length.words;
      lengths.push_back(length.picture ? length.words + (modality ? 0 : kPictureTokens) : alone);
    }
  }
  const uint64_t seed = Rng(options.seed, "groups", std::to_string(epoch)).next();
  return modality ? modality_grouped(lengths, options.batch_size, seed)
                  : length_grouped(lengths, options.batch_size, seed);
}

// nullopt: an episode without an instruction.
std::optional<BatchRow> BatchStream::State::make_row(size_t entry, int64_t index) const {
  Sample sample = readers[entry]->read(index);
  if (sample.stream_labels && sample.language.empty()) return std::nullopt;
  BatchRow row{.origin = sample.origin, .tag = sample.tag, .dataset = sample.dataset};
  row.tokens = label_tokens(sample, tokens, source.config.max_length);
  for (const SampleImage& image : sample.images) {
    if (!image.name.empty()) row.image_names.push_back(image.name);
  }
  row.action = sample.action_normalised;
  Rng rng(options.seed, source.entries[entry].path + "/" + sample.dataset, "augment " + std::to_string(index));
  if (source.config.images) row.crops = cropper.crops(sample, rng);
  return row;
}

std::optional<Candidate> BatchStream::State::drawn(int64_t row) const {
  Candidate result;
  for (int64_t attempt = 0; attempt < kMostAttempts; ++attempt) {
    const DrawnSample draw = order->at(row, attempt);
    try {
      result.row = make_row(draw.entry, draw.index);
      if (result.row) return result;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::Bug || error.code() == ErrorCode::Resource) throw;
      result.skipped.push_back({readers[draw.entry]->origin(draw.index), error.code()});
      result.last_error = error;
    }
  }
  if (result.last_error) throw *result.last_error;
  throw Error(ErrorCode::Malformed, {.file = source.file, .what = "no sample with an instruction among a thousand"});
}

std::optional<Candidate> BatchStream::State::in_file_order(int64_t number) const {
  size_t entry = 0;
  while (entry < readers.size() && number >= readers[entry]->size()) number -= readers[entry++]->size();
  if (entry == readers.size()) return std::nullopt;
  Candidate result;
  try {
    result.row = make_row(entry, number);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::Bug || error.code() == ErrorCode::Resource) throw;
    result.skipped.push_back({readers[entry]->origin(number), error.code()});
    result.last_error = error;
  }
  return result;
}

void BatchStream::State::require_few_skipped(const std::optional<Error>& last) const {
  const auto seen = static_cast<double>(std::max(all_samples, position.rows + position.skipped));
  if (!last || static_cast<double>(position.skipped) <= source.config.max_skip_fraction * seen) return;
  ErrorFields fields = last->fields();
  fields.what = fmt::format("{} of {} samples are bad, the last one here: {}", position.skipped,
                            position.rows + position.skipped, fields.what);
  fields.hint = "data.max_skip_fraction tolerates more; magma data check lists them";
  throw Error(last->code(), fields);
}

std::optional<BatchRow> BatchStream::State::next_row() {
  std::vector<SkippedSample> skipped;
  while (std::optional<Candidate> candidate = work->next()) {
    ++position.candidate;
    position.skipped += static_cast<int64_t>(candidate->skipped.size());
    skipped.insert(skipped.end(), candidate->skipped.begin(), candidate->skipped.end());
    require_few_skipped(candidate->last_error);
    if (!candidate->row) continue;
    ++position.rows;
    candidate->row->skipped = std::move(skipped);
    return std::move(candidate->row);
  }
  return std::nullopt;
}

BatchStream::BatchStream(const DataSource& source, TrainingTokens tokens, const BatchOptions& options)
    : state_(std::make_unique<State>(source, std::move(tokens), options)) {
  MAGMA_CHECK(options.batch_size >= 1 && options.workers >= 1, "{} rows, {} workers", options.batch_size,
              options.workers);
  state_->open();
  start({});
}

BatchStream::~BatchStream() = default;

void BatchStream::start(const StreamPosition& position) {
  State& state = *state_;
  state.work.reset();
  const bool known = state.options.shuffled || position.candidate > 0;
  state.position = known ? position : StreamPosition{};
  const int64_t first = state.options.shuffled ? position.batch * state.options.batch_size : state.position.candidate;
  const auto make = [&state](int64_t number) {
    return state.options.shuffled ? state.drawn(number) : state.in_file_order(number);
  };
  state.work = std::make_unique<OrderedWork<Candidate>>(state.options.workers, state.options.workers * kAheadPerWorker,
                                                        first, make);
  while (state.position.batch < position.batch && next()) {
  }
}

std::optional<Batch> BatchStream::next() {
  State& state = *state_;
  Batch batch{.number = state.position.batch, .rows = {}};
  while (static_cast<int64_t>(batch.rows.size()) < state.options.batch_size) {
    std::optional<BatchRow> row = state.next_row();
    if (!row) break;
    batch.rows.push_back(std::move(*row));
  }
  if (batch.rows.empty()) return std::nullopt;
  ++state.position.batch;
  return batch;
}

StreamPosition BatchStream::position() const { return state_->position; }

int64_t BatchStream::rows_in_file_order() const { return state_->options.shuffled ? -1 : state_->all_samples; }

std::vector<Path> BatchStream::files() const {
  std::vector<Path> files;
  for (const auto& reader : state_->readers) {
    for (const Path& file : reader->files()) {
      if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
    }
  }
  return files;
}

TokenId BatchStream::pad() const { return state_->tokens.pad; }

}  // namespace magma
