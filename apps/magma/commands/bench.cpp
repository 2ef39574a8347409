// magma bench: accuracy and speed on synthetic clips with exact truth; speed and memory of a model.
#include <filesystem>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "apps/magma/model_options.h"
#include "magma/core/error.h"
#include "magma/core/file.h"
#include "magma/mark/camera_motion.h"
#include "magma/mark/clip_marks.h"
#include "magma/mark/mark_bench.h"
#include "magma/mark/moving_points.h"
#include "magma/model/model_bench.h"
#include "magma/track/track_bench.h"

namespace magma {
namespace {

std::vector<uint8_t> moving_points(const PointTracks& tracks, double fps) {
  const MarkConfig config;
  const CameraMotion camera = estimate_camera(tracks, config, fps);
  const PointSplit split = split_points({"", &tracks, {}, fps}, stabilise(tracks, camera), camera, config);
  std::vector<uint8_t> moving;
  for (const PointKind kind : split.kind) moving.push_back(static_cast<uint8_t>(kind));
  return moving;
}

class Bench final : public Command {
 public:
  static constexpr const char* kSummary = "measure trackers and marks on synthetic clips with exact truth, or a model";

  void options(CLI::App& app) override {
    app.add_option("WHAT", what_, "track, mark or model")->required()->check(CLI::IsMember({"track", "mark", "model"}));
    app.add_option("--seed", seeds_, "mark: added to the seeds of the clips, one run for each")->type_name("N");
    app.add_option("--scale", scale_, "mark: frame size over the clips' own")
        ->check(CLI::Range(0.25, 4.0))
        ->type_name("X")
        ->capture_default_str();
    app.add_option("--tracker", options_.trackers, "track: trackers to compare")->type_name("NAME");
    app.add_option("--only", options_.only, "clips whose name contains this")->type_name("TEXT");
    app.add_option("--threads", options_.threads, "track, model: threads")
        ->check(CLI::Range(1, 256))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--write", write_, "track: write the clips and their truth into a folder and stop")
        ->type_name("DIR");
    app.add_option("--model", model_.model, "model: folder, or GGUF file")->type_name("PATH");
    app.add_option("--precision", precision_, "model: stored, f32 or bf16")
        ->check(CLI::IsMember({"stored", "f32", "bf16"}))
        ->type_name("NAME")
        ->capture_default_str();
    add_cache_option(app, cache_);
    app.add_option("--tokens", model_.lengths, "model: lengths of prompts; decoding goes on from each [512]")
        ->check(CLI::Range(1, 1 << 20))
        ->type_name("N");
    app.add_option("--decode", model_.decoded, "model: tokens decoded after each prompt")
        ->check(CLI::Range(1, 100'000))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--rounds", model_.rounds, "model: the best one counts")
        ->check(CLI::Range(1, 1000))
        ->type_name("N")
        ->capture_default_str();
  }

  std::string examples() const override {
    return "  magma bench track                              all trackers on all clips\n"
           "  magma bench track --write suite --only hand    clips as MP4 with truth as safetensors\n"
           "  magma bench mark --seed 0 1000                 marks on every kind of clip, two of each\n"
           "  magma bench model --model DIR --tokens 256 4096 --threads 2\n";
  }

  int run(const Output& out) override {
    if (what_ == "mark") return bench_mark(out);
    if (what_ == "model") return run_model(out);
    if (!write_.empty()) return write_clips(out);
    if (options_.trackers.empty()) options_.trackers = Trackers::names();
    const StagingFolder scratch(std::filesystem::temp_directory_path());
    options_.scratch = scratch.path();
    options_.split = moving_points;
    const auto rows = bench_trackers(options_);
    out.line("{}", bench_table(rows));
    out.value(bench_json(rows));
    return 0;
  }

 private:
  int run_model(const Output& out) {
    if (model_.model.empty()) {
      throw Error(ErrorCode::Usage, {.where = "--model", .what = "missing", .expected = "a model folder or GGUF file"});
    }
    model_.threads = options_.threads;
    model_.precision = parse_precision(precision_);
    model_.cache = parse_cache_format(cache_);
    const ModelBenchResult result = bench_model(model_);
    out.line("{}", model_bench_table(result));
    out.value(model_bench_json(result));
    return 0;
  }

  int bench_mark(const Output& out) const {
    const StagingFolder scratch(std::filesystem::temp_directory_path());
    MarkBenchOptions options;
    options.clips = synthetic_suite();
    for (const SuiteClip& clip : synthetic_kinds()) options.clips.push_back(clip);
    options.only = options_.only;
    options.seeds = seeds_;
    options.scale = scale_;
    options.scratch = scratch.path();
    const std::vector<MarkBenchRow> rows = bench_marks(options);
    out.line("{}", mark_bench_table(rows));
    out.value(mark_bench_json(rows));
    return 0;
  }

  int write_clips(const Output& out) const {
    std::filesystem::create_directories(write_);
    for (const SuiteClip& clip : synthetic_suite()) {
      if (clip.name.find(options_.only) == std::string::npos) continue;
      write_suite_clip(clip, options_.grid, write_);
      out.line("{}", (Path(write_) / (clip.name + ".mp4")).string());
    }
    return 0;
  }

  std::string what_, write_, precision_ = "stored", cache_ = "f32";
  std::vector<uint64_t> seeds_;
  double scale_ = 1;
  TrackBenchOptions options_;
  ModelBenchOptions model_;
};

MAGMA_REGISTER(Commands, Bench);

}  // namespace
}  // namespace magma
