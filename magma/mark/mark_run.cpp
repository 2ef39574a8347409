#include "magma/mark/mark_run.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/config.h"
#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/interrupt.h"
#include "magma/core/json.h"
#include "magma/core/random.h"
#include "magma/core/thread_pool.h"
#include "magma/mark/clip_record.h"
#include "magma/mark/mark_choices.h"
#include "magma/mark/run_summary.h"
#include "magma/track/tracker.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFailuresBeforeStopping = 20;

Json manifest_of(const WorkList& list, const MarkRunOptions& options, int64_t shards) {
  MarkConfig config = options.config;
  const Json settings = to_json(config_view(config));
  constexpr int kExactDigits = 17;
  return {{"format", "magma marks"},
          {"format_version", 1},
          {"program", options.program_version},
          {"config", settings},
          {"config_hash", hex64(hash64(dump_json(settings, kExactDigits)))},
          {"seed", config.seed},
          {"tracker", {{"name", config.tracker}, {"version", Trackers::make(config.tracker, {})->version()}}},
          {"list", {{"items", static_cast<int64_t>(list.items.size())}, {"xxh64", hex64(list.hash)}}},
          {"shards", shards},
          {"videos", options.videos}};
}

// Whether the item, and not the run, is at fault.
bool is_item_failure(const Error& error, const WorkItem& item) {
  switch (error.code()) {
    case ErrorCode::Malformed:
    case ErrorCode::Refused:
    case ErrorCode::Numerical:
      return true;
    case ErrorCode::FileSystem:
      return error.fields().file == item.video.string() || error.fields().file == item.video_name;
    default:
      return false;
  }
}

// What can be told of a video that cannot be used.
VideoIdentity identity_of(const WorkItem& item) {
  VideoIdentity identity{.path = item.video_name, .sha1 = "", .bytes = 0};
  std::error_code unreadable;
  const auto bytes = fs::file_size(item.video, unreadable);
  if (unreadable) return identity;
  identity.bytes = static_cast<int64_t>(bytes);
  try {
    identity.sha1 = sha1_of_first_mebibyte(item.video);
  } catch (const Error&) {
    identity.sha1 = "";  // unreadable: the record's reason says so
  }
  return identity;
}

struct OpenShard {
  int64_t index = 0;
  std::vector<int64_t> items;
  size_t next = 0, unfinished = 0;
  ItemCounts counts;
};

struct Task {
  OpenShard* shard = nullptr;
  size_t item = 0;  // of the shard; == items.size() for a shard without items
};

class Run {
 public:
  Run(const WorkList& list, const MarkRunOptions& options, const ItemWork& work, WorkSource& source)
      : list_(list), options_(options), work_(work), source_(source) {
    const auto items = static_cast<int64_t>(list.items.size());
    shards_ = options.shards > 0 ? options.shards : default_shards(items);
    if (options.single) shards_ = 1;  // nothing may be published before the item is done
    members_ = shard_members(list, shards_);
    manifest_ = manifest_of(list, options, shards_);
    manifest_hash_ = hex64(hash64(manifest_text(manifest_)));
  }

  void run() {
    if (source_.is_first()) prepare();
    Progress progress("mark", source_.is_first() ? summary_.items - summary_.items_before : -1, "items",
                      options_.single ? ProgressStyle::Quiet : options_.progress);
    progress_ = &progress;
    ThreadPool pool(options_.workers, static_cast<size_t>(options_.workers));
    for (int i = 0; i < options_.workers; ++i) pool.push([this] { work_until_done(); });
    pool.wait();
    progress_ = nullptr;
  }

  // By the first process, when all are done.
  MarkRunSummary sum_up() {
    if (!output_) return summary_;
    output_->begin_publishing();
    write_run_summary(options_.folder, shards_, summary_.seconds, {options_.part, options_.parts});
    summary_.counts = {};  // other ranks made some of the shards
    for (int64_t s = options_.part; s < shards_; s += options_.parts) {
      summary_.counts += counts_of_done(finished_shard(options_.folder, s));
    }
    return summary_;
  }

 private:
  void prepare() {
    std::vector<int64_t> mine;
    for (int64_t s = options_.part; s < shards_; s += options_.parts) mine.push_back(s);
    output_ = std::make_unique<OutputFolder>(OutputFolder::Options{
        .path = options_.folder, .manifest = &manifest_, .shards = mine, .overwrite = options_.overwrite});
    std::vector<int64_t> open;
    for (const int64_t s : mine) {
      const auto items = static_cast<int64_t>(members_[static_cast<size_t>(s)].size());
      summary_.items += items;
      if (!output_->is_finished(s)) {
        open.push_back(s);
        continue;
      }
      summary_.items_before += items;
      summary_.counts += counts_of_done(finished_shard(options_.folder, s));
    }
    if (!options_.single) output_->begin_publishing();
    source_.offer(std::move(open));
  }

  StagingFolder& staging() {
    if (output_) return output_->staging();
    std::call_once(rank_staging_once_, [this] { rank_staging_ = std::make_unique<StagingFolder>(options_.folder); });
    return *rank_staging_;
  }

  void work_until_done() {
    try {
      while (const auto task = take()) work_on(*task);
    } catch (const std::exception&) {
      const std::lock_guard lock(mutex_);
      stopping_ = true;  // the pool carries the exception; the other workers end with their items
      throw;
    }
  }

  // The next item of the earliest open shard that has one; so as many shards are open as there are workers at most.
  std::optional<Task> take() {
    throw_if_interrupted();
    const std::lock_guard lock(mutex_);
    if (stopping_) return std::nullopt;
    for (OpenShard& shard : open_) {
      if (shard.next < shard.items.size()) return Task{&shard, shard.next++};
    }
    const auto index = source_.next_shard();
    if (!index) return std::nullopt;
    const auto& items = members_[static_cast<size_t>(*index)];
    open_.push_back(
        {.index = *index, .items = items, .next = 1, .unfinished = std::max<size_t>(items.size(), 1), .counts = {}});
    return Task{&open_.back(), 0};
  }

  Path item_folder(const OpenShard& shard, size_t item) {
    return staging().path() / shard_name(shard.index) / fmt::format("item-{}", item);
  }

  void work_on(const Task& task) {
    ItemCounts counts;
    if (task.item < task.shard->items.size()) counts = work_on_item(*task.shard, task.item);
    if (finish_item(*task.shard, counts)) commit(*task.shard);
    require_few_failures();
  }

  ItemCounts work_on_item(const OpenShard& shard, size_t index) {
    const WorkItem& item = list_.items[static_cast<size_t>(shard.items[index])];
    ItemSpool spool(item_folder(shard, index), shard.index);
    try {
      const auto seconds = work_(item, spool);
      const std::lock_guard lock(mutex_);
      for (const auto& [stage, value] : seconds) summary_.seconds[stage] += value;
    } catch (const Error& error) {
      if (options_.single || !is_item_failure(error, item)) throw;
      ErrorFields fields = error.fields();
      fields.file = item.video_name;  // not where it was opened: that depends on the folder one stands in
      spool.clear();
      spool.record(failed_record(item.id, identity_of(item), std::string(error_code_name(error.code())),
                                 Error(error.code(), fields).line()));
    }
    spool.finish();
    return spool.counts();
  }

  bool finish_item(OpenShard& shard, const ItemCounts& counts) {
    const std::lock_guard lock(mutex_);
    shard.counts += counts;
    summary_.counts += counts;
    ++done_;
    if (summary_.counts.failed > 0) progress_->note(fmt::format("{} failed", summary_.counts.failed));
    if (!shard.items.empty()) progress_->advance();
    return --shard.unfinished == 0;
  }

  void commit(const OpenShard& shard) {
    const std::lock_guard publishing(publish_mutex_);
    throw_if_interrupted();
    FinishedItems items = {.folders = {}, .counts = shard.counts, .manifest_hash = manifest_hash_, .joined = {}};
    if (output_) items.joined = [this] { output_->begin_publishing(); };
    for (size_t i = 0; i < shard.items.size(); ++i) items.folders.push_back(item_folder(shard, i));
    publish_shard(staging(), staging().path() / shard_name(shard.index), shard.index, items);
    const std::lock_guard lock(mutex_);
    open_.remove_if([&shard](const OpenShard& open) { return &open == &shard; });
  }

  void require_few_failures() {
    const std::lock_guard lock(mutex_);
    const int64_t failed = summary_.counts.failed;
    const int64_t done = summary_.items_before + done_;
    const bool many = static_cast<double>(failed) > options_.max_failed * static_cast<double>(done);
    if (failed < kFailuresBeforeStopping || !many) return;
    throw Error(ErrorCode::Malformed, {.file = options_.folder.string(),
                                       .what = "too many videos failed",
                                       .expected = fmt::format("at most {:g} of all", options_.max_failed),
                                       .got = fmt::format("{} of {}", failed, done),
                                       .hint = "shards/*.jsonl say why; --max-failed 1 goes on regardless"});
  }

  const WorkList& list_;
  const MarkRunOptions& options_;
  const ItemWork& work_;
  WorkSource& source_;
  int64_t shards_ = 0;
  std::vector<std::vector<int64_t>> members_;
  Json manifest_;
  std::string manifest_hash_;
  Progress* progress_ = nullptr;
  std::unique_ptr<OutputFolder> output_;         // of the first process
  std::unique_ptr<StagingFolder> rank_staging_;  // of the others, made by whichever worker comes first
  std::once_flag rank_staging_once_;
  std::mutex publish_mutex_;
  std::mutex mutex_;  // of what follows, and of the source
  std::list<OpenShard> open_;
  MarkRunSummary summary_;
  int64_t done_ = 0;
  bool stopping_ = false;
};

// The error as the user is told: a stopped list goes on when started again, and staged files have no names of their
// own.
Error told(const Error& error, const MarkRunOptions& options) {
  ErrorFields fields = error.fields();
  if (is_staged(options.folder, fields.file)) fields.file = options.folder.string();
  if (!is_interruption(error.code()) || options.single) return {error.code(), fields};
  fields.hint = "start the same command again to continue";
  return {ErrorCode::Interrupted, fields};
}

}  // namespace

MarkRunSummary run_marks(const WorkList& list, const MarkRunOptions& options, const ItemWork& work,
                         WorkSource& source) {
  MAGMA_CHECK(options.workers >= 1 && options.parts >= 1 && options.part >= 0 && options.part < options.parts,
              "{} workers, part {} of {}", options.workers, options.part, options.parts);
  std::unique_ptr<Run> run;
  try {
    require_known_choices(options.config);
    run = std::make_unique<Run>(list, options, work, source);
    run->run();
  } catch (const Error& failure) {
    if (!source.is_first()) run.reset();  // the first takes away a folder that it made when the others have left it
    const Error error = told(failure, options);
    source.finish(&error);
    throw error;
  } catch (const std::exception& failure) {
    const Error error(ErrorCode::Bug, {.what = "unexpected failure", .got = failure.what()});
    source.finish(&error);
    throw;
  }
  source.finish(nullptr);
  return run->sum_up();
}

}  // namespace magma
