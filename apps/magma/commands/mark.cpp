// magma mark: marks and traces of one video or of a list of them; or the check of an earlier output.
#include <cstdio>
#include <map>
#include <optional>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "apps/magma/version.h"
#include "magma/core/config.h"
#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/json.h"
#include "magma/mark/check_output.h"
#include "magma/mark/config_ranges.h"
#include "magma/mark/mark_item.h"
#include "magma/mark/mark_run.h"
#include "magma/mark/report.h"
#include "magma/mark/shot_detector.h"
#include "magma/track/track_file.h"

namespace magma {
namespace {

Error usage(std::string what, std::string hint) {
  return {ErrorCode::Usage, {.where = "command line", .what = std::move(what), .hint = std::move(hint)}};
}

class MarkCommand final : public Command {
 public:
  static constexpr const char* kSummary = "marks and future traces: training data from videos";

  void options(CLI::App& app) override {
    app.add_option("VIDEO", video_, "video file");
    app.add_option("-o,--output", output_, "folder for records, samples, pictures and the report")->type_name("DIR");
    app.add_option("--text", text_, "what happens in the video, for the questions")->type_name("TEXT");
    app.add_option("--start", start_s_, "first second used")->check(CLI::NonNegativeNumber)->type_name("S");
    app.add_option("--end", end_s_, "end, exclusive")->check(CLI::NonNegativeNumber)->type_name("S");
    app.add_option("--tracks", tracks_, "given tracks (safetensors) instead of tracking")->type_name("FILE");
    app.add_option("--list", list_, "many videos: JSON lines {\"id\", \"video\", \"text\", \"start\", \"end\"}")
        ->type_name("FILE.jsonl");
    app.add_option("--workers", run_.workers, "videos at a time")
        ->check(CLI::Range(1, 1024))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--shard", shard_, "this process's part of the list, I from 0")->type_name("I/N");
    app.add_option("--shards", run_.shards, "output shards; 0: one per 16 videos")
        ->check(CLI::Range(0, 4096))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--max-failed", run_.max_failed, "stop when more of the videos failed, once 20 have")
        ->check(CLI::Range(0.0, 1.0))
        ->type_name("SHARE")
        ->capture_default_str();
    app.add_option("--check", check_, "verify an output folder")->type_name("DIR");
    add_settings(app);
    app.add_option("--config", config_, "settings (YAML; --show-config prints all); options win over it")
        ->type_name("FILE");
    app.add_option("--set", assignments_, "one setting; wins over --config")->type_name("NAME=VALUE");
    app.add_flag("--show-config", show_config_, "print the settings and stop");
    app.add_option("--threads", threads_, "threads of one video; never changes the result")
        ->check(CLI::Range(1, 256))
        ->type_name("N")
        ->capture_default_str();
    app.add_flag("--no-video", no_video_, "leave orig_trace.mp4 and som_tom.mp4 out");
    app.add_flag("--overwrite", run_.overwrite, "replace an earlier output in DIR");
  }

  std::string examples() const override {
    return "  magma mark clip.mp4 -o out --text \"put the cup on the shelf\"\n"
           "  magma mark --list clips.jsonl -o out --workers 8       killed and started again, it continues\n"
           "  magma mark --list clips.jsonl -o out --shard 0/4       the first of four machines\n"
           "  mpirun -n 4 magma mark --list clips.jsonl -o out       four ranks share the list\n"
           "  magma mark --check out\n";
  }

  int run(const Output& out) override {
    if (!check_.empty() && (!video_.empty() || !list_.empty() || !output_.empty())) {
      throw usage("--check stands alone: it makes nothing", "magma mark --check DIR");
    }
    if (!check_.empty()) return check(out);
    configure();
    if (show_config_) {
      Output::write(to_yaml(config_view(run_.config)));
      return 0;
    }
    return make(out);
  }

 private:
  // Settings that have an option of their own.
  void add_settings(CLI::App& app) {
    MarkConfig& config = run_.config;
    settings_["variant"] =
        app.add_option("--variant", config.variant, "corrected, or the reference's demo, video or robot")
            ->type_name("NAME");
    settings_["tracker"] = app.add_option("--tracker", config.tracker, "tracker (magma list)")->type_name("NAME");
    settings_["clip_frames"] =
        app.add_option("--clip-frames", config.clip_frames, "longest clip; longer shots are cut into equal clips")
            ->check(CLI::Range(2, 100000))
            ->type_name("N");
    settings_["grid"] =
        app.add_option("--grid", config.grid, "side of the grid of points")->check(CLI::Range(1, 64))->type_name("N");
    settings_["seed"] = app.add_option("--seed", config.seed, "seed of every random choice")->type_name("N");
    for (const auto& [setting, option] : settings_) option->capture_default_str();
  }

  // Defaults, then the file, then --set; an option that is a setting too must not contradict --set.
  void configure() {
    run_.config = {};
    const ConfigView view = config_view(run_.config);
    if (!config_.empty()) load_yaml(view, config_);
    for (const auto& [setting, option] : settings_) {
      if (option->count() > 0) set(view, setting + "=" + option->results().back());
    }
    const MarkConfig by_options = run_.config;
    for (const std::string& assignment : assignments_) set(view, assignment);
    refuse_contradicting_settings(by_options);
    require_in_range(run_.config);
  }

  void refuse_contradicting_settings(MarkConfig by_options) const {
    MarkConfig config = run_.config;
    const Json before = to_json(config_view(by_options)), after = to_json(config_view(config));
    for (const auto& [setting, option] : settings_) {
      if (option->count() == 0 || before[setting] == after[setting]) continue;
      throw usage(option->get_name() + " and --set " + setting + " say different things", "give one of them");
    }
  }

  int check(const Output& out) const {
    const OutputCheck result = check_output(check_);
    for (const std::string& problem : result.problems) out.line("{}", problem);
    out.value({{"folder", check_},
               {"shards", result.shards},
               {"shards_of_other_parts", result.unmade},
               {"items", result.items},
               {"clips", result.clips},
               {"samples", result.samples},
               {"failed", result.failed},
               {"problems", result.problems}});
    if (result.problems.empty()) {
      const std::string others = fmt::format(", {} of {} shards left to other parts", result.unmade, result.shards);
      out.line("{}: whole ({} items, {} clips, {} samples, {} failed{})", check_, result.items, result.clips,
               result.samples, result.failed, result.unmade > 0 ? others : "");
      return 0;
    }
    throw Error(ErrorCode::Malformed,
                {.file = check_,
                 .what = "output folder is damaged or unfinished",
                 .got = fmt::format("{} problems, first: {}", result.problems.size(), result.problems.front()),
                 .hint = "the same command again makes what is missing"});
  }

  void parse_shard() {
    if (shard_.empty()) return;
    int64_t part = -1, parts = 0;
    char rest = 0;
    if (std::sscanf(shard_.c_str(), "%ld/%ld%c", &part, &parts, &rest) != 2 || part < 0 || parts < 1 || part >= parts ||
        parts > 4096) {
      throw usage("--shard wants I/N with 0 <= I < N <= 4096", "--shard 0/4 is the first of four");
    }
    run_.part = part;
    run_.parts = parts;
  }

  void refuse_contradictions() const {
    if (video_.empty() == list_.empty()) throw usage("give either VIDEO or --list", "magma mark --help");
    if (output_.empty()) throw usage("-o DIR is missing", "magma mark VIDEO -o DIR");
    if (!list_.empty() && (text_ || start_s_ || end_s_ || !tracks_.empty())) {
      throw usage("--text, --start, --end and --tracks belong to one VIDEO", "write text, start and end into the list");
    }
    if (list_.empty() && !shard_.empty()) throw usage("--shard belongs to --list", "");
    if (run_.overwrite && !shard_.empty()) {
      throw usage("--overwrite with --shard would delete what the other parts made",
                  "remove the folder, or use another");
    }
    if (start_s_ && end_s_ && *start_s_ >= *end_s_) throw usage("--end must lie after --start", "");
    MarkProcedures::make(run_.config.variant);
    ShotDetectors::make(run_.config.shot_detector, ShotDetectorOptions{});
    Trackers::make(run_.config.tracker, TrackerOptions{});
  }

  int make(const Output& out) {
    refuse_contradictions();
    parse_shard();
    run_.folder = output_;
    run_.program_version = version_number();
    run_.videos = !no_video_;
    run_.single = list_.empty();
    const std::optional<PointTracks> given = given_tracks();
    const std::string tracks_hash = given ? "tracks " + hex64(hash_file(tracks_)) : "";
    const WorkList list =
        run_.single ? single_item(video_, start_s_, end_s_, text_, tracks_hash) : read_work_list(list_);
    auto ranks = ranked_work_source();
    auto source = ranks ? std::move(ranks) : local_work_source();
    const MarkRunSummary summary = mark(list, given ? &*given : nullptr, *source, out.progress());
    if (!source->is_first()) return 0;
    write_report(output_);
    print(out, summary);
    return 0;
  }

  std::optional<PointTracks> given_tracks() const {
    if (tracks_.empty()) return std::nullopt;
    return read_tracks(tracks_, Size{});
  }

  MarkRunSummary mark(const WorkList& list, const PointTracks* given, WorkSource& source, ProgressStyle style) {
    Progress frames("mark", -1, "frames", run_.single ? style : ProgressStyle::Quiet);
    run_.progress = style;
    const MarkItemOptions item{.config = run_.config,
                               .threads = threads_,
                               .videos = run_.videos,
                               .given_tracks = given,
                               .frames = run_.single ? &frames : nullptr};
    return run_marks(list, run_, mark_item_work(item), source);
  }

  void print(const Output& out, const MarkRunSummary& summary) const {
    const ItemCounts& counts = summary.counts;
    out.line("{} videos: {} clips, {} training samples, {} failed, {} shots dropped", summary.items, counts.clips,
             counts.samples, counts.failed, counts.dropped);
    if (summary.items_before > 0) out.line("{} of them were done before", summary.items_before);
    out.line("look at {}", (Path(output_) / "report.html").string());
    out.value({{"output", output_},
               {"videos", summary.items},
               {"videos_before", summary.items_before},
               {"clips", counts.clips},
               {"samples", counts.samples},
               {"failed", counts.failed},
               {"dropped", counts.dropped},
               {"seconds", summary.seconds}});
  }

  std::map<std::string, CLI::Option*> settings_;  // by their names
  std::string video_, output_, list_, tracks_, shard_, check_, config_;
  std::optional<std::string> text_;
  std::optional<double> start_s_, end_s_;
  std::vector<std::string> assignments_;
  bool no_video_ = false, show_config_ = false;
  int threads_ = 1;
  MarkRunOptions run_;
};

[[maybe_unused]] const bool registered_mark = Commands::add<MarkCommand>(__FILE__);

}  // namespace
}  // namespace magma
