// magma data batch: what the trainer will see, batch by batch.
#include <algorithm>
#include <limits>
#include <optional>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/data_verbs/data_verb.h"
#include "magma/core/clock.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/data/batch_folder.h"
#include "magma/data/batch_stream.h"

namespace magma {
namespace {

struct Summary {
  int64_t batches = 0, samples = 0, skipped = 0, images = 0, tokens = 0;
  double seconds = 0, first_batch_seconds = 0;
};

class BatchVerb final : public DataVerb {
 public:
  static constexpr const char* kSummary = "tokens, labels, pictures and actions as the trainer will see them";

  void options(CLI::App& app) override {
    app.add_option("CONFIG", source_, "configuration, RLDS version folder or file of items")->required();
    app.add_option("--tokenizer", tokenizer_, "model folder with tokenizer.json and its chat template")
        ->required()
        ->type_name("DIR");
    batch_size_option_ = app.add_option("--batch-size", batch_size_, "rows of a batch")
                             ->check(CLI::Range(1, 1 << 20))
                             ->type_name("B")
                             ->capture_default_str();
    app.add_option("--batches", batches_, "this many batches; with --order file default: all")
        ->check(CLI::NonNegativeNumber)
        ->type_name("N");
    from_option_ =
        app.add_option("--from", from_, "number of the first batch")->check(CLI::NonNegativeNumber)->type_name("K");
    seed_option_ = app.add_option("--seed", seed_, "of the order and of what is drawn in a sample")
                       ->type_name("S")
                       ->capture_default_str();
    app.add_option("--workers", workers_, "threads; they never change a batch")
        ->check(CLI::Range(1, 256))
        ->type_name("W");
    order_option_ =
        app.add_option("--order", order_, "shuffled without end, or every source once as it lies in its files")
            ->check(CLI::IsMember({"shuffled", "file"}))
            ->type_name("ORDER")
            ->capture_default_str();
    app.add_option("--dump", dump_, "write the batches, samples.jsonl and stream.json there")->type_name("OUT");
    app.add_option("--resume", resume_, "go on where this stream.json stands")->type_name("FILE");
    app.add_option("--set", settings_, "setting, such as data.image_size=256")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->take_all();
  }

  std::string examples() const override {
    return "  magma data batch openx.yaml --tokenizer DIR --batch-size 8 --batches 10 --dump out\n"
           "  magma data batch openx.yaml --tokenizer DIR --batches 10 --resume out/stream.json --dump out\n"
           "  magma data batch llava.yaml --tokenizer DIR --order file --json\n";
  }

  int run(const Output& out) override {
    const Stopwatch watch;
    const StreamState state = wanted_state();
    if (!resume_.empty()) require_same_files(resume_);
    const DataSource source = read_data_source(source_, {.settings = settings_, .seed = state.seed});
    BatchStream stream(
        source, read_training_tokens(tokenizer_, source.config),
        {.batch_size = state.batch_size, .seed = state.seed, .shuffled = state.shuffled, .workers = workers()});
    if (!resume_.empty()) require_same_source(resume_, source, stream.files());
    stream.start(state.position);
    const Summary summary = read_batches(out, source, stream, state, watch);
    show(out, summary);
    return 0;
  }

 private:
  int workers() const {
    return workers_ > 0 ? workers_ : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }

  StreamState wanted_state() const {
    if (batches_ < 0 && order_ == "shuffled" && resume_.empty()) {
      throw Error(ErrorCode::Usage, {.where = "--batches", .what = "needed, for a shuffled stream has no end"});
    }
    if (resume_.empty()) {
      return {.position = {.batch = from_}, .batch_size = batch_size_, .seed = seed_, .shuffled = order_ == "shuffled"};
    }
    if (from_option_->count() > 0) {
      throw Error(ErrorCode::Usage,
                  {.where = "--from", .what = "not together with --resume, which says where to go on"});
    }
    StreamState state = read_stream_state(resume_);
    require_same("--batch-size", batch_size_option_, state.batch_size == batch_size_);
    require_same("--seed", seed_option_, state.seed == seed_);
    require_same("--order", order_option_, state.shuffled == (order_ == "shuffled"));
    if (batches_ < 0 && state.shuffled) {
      throw Error(ErrorCode::Usage, {.where = "--batches", .what = "needed, for a shuffled stream has no end"});
    }
    return state;
  }

  void require_same(const char* name, const CLI::Option* option, bool same) const {
    if (option->count() == 0 || same) return;
    throw Error(ErrorCode::Usage, {.file = resume_, .where = name, .what = "the stream was begun with another value"});
  }

  int64_t most_batches() const { return batches_ < 0 ? std::numeric_limits<int64_t>::max() : batches_; }

  Summary read_batches(const Output& out, const DataSource& source, BatchStream& stream, StreamState state,
                       const Stopwatch& watch) const {
    std::optional<BatchFolder> folder;
    if (!dump_.empty()) {
      folder.emplace(dump_, source, stream.files());
      state.position = stream.position();
      folder->begin(state);
    }
    Summary summary;
    const int64_t skipped_before = stream.position().skipped;
    Progress progress("batch", batches_, "batches", out.progress());
    while (summary.batches < most_batches()) {
      const std::optional<Batch> batch = stream.next();
      if (!batch) break;
      if (summary.batches == 0) summary.first_batch_seconds = watch.seconds();
      state.position = stream.position();
      if (folder) folder->write(*batch, stream.pad(), state);
      ++summary.batches;
      summary.samples += static_cast<int64_t>(batch->rows.size());
      for (const BatchRow& row : batch->rows) {
        summary.images += static_cast<int64_t>(row.crops.size());
        summary.tokens += static_cast<int64_t>(row.tokens.ids.size());
      }
      progress.advance();
      throw_if_interrupted();
    }
    summary.skipped = stream.position().skipped - skipped_before;
    summary.seconds = watch.seconds();
    return summary;
  }

  void show(const Output& out, const Summary& summary) const {
    const double mebibytes = static_cast<double>(peak_resident_bytes()) / (1 << 20);
    out.line(
        "{} batches, {} samples, {} tokens, {} pictures; {} bad samples passed over\n"
        "{:.1f} s, {:.1f} samples/s; the first batch after {:.2f} s; peak memory {:.0f} MiB",
        summary.batches, summary.samples, summary.tokens, summary.images, summary.skipped, summary.seconds,
        static_cast<double>(summary.samples) / std::max(summary.seconds, 1e-9), summary.first_batch_seconds, mebibytes);
    out.value({{"batches", summary.batches},
               {"samples", summary.samples},
               {"skipped", summary.skipped},
               {"images", summary.images},
               {"tokens", summary.tokens},
               {"seconds", summary.seconds},
               {"first_batch_seconds", summary.first_batch_seconds},
               {"peak_rss_mib", mebibytes}});
  }

  std::string source_, tokenizer_, order_ = "shuffled", dump_, resume_;
  std::vector<std::string> settings_;
  int64_t batch_size_ = 8, batches_ = -1, from_ = 0;
  uint64_t seed_ = 0;
  int workers_ = 0;
  CLI::Option *batch_size_option_ = nullptr, *from_option_ = nullptr, *seed_option_ = nullptr, *order_option_ = nullptr;
};

MAGMA_REGISTER(DataVerbs, BatchVerb);

}  // namespace
}  // namespace magma
