// magma bench: accuracy and speed on synthetic clips with exact truth.
#include <filesystem>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "magma/core/error.h"
#include "magma/core/file.h"
#include "magma/mark/camera_motion.h"
#include "magma/mark/moving_points.h"
#include "magma/track/track_bench.h"

namespace magma {
namespace {

std::vector<uint8_t> moving_points(const PointTracks& tracks, double fps) {
  const MarkConfig config;
  const CameraMotion camera = estimate_camera(tracks, config, fps);
  const PointSplit split = split_points(tracks, stabilise(tracks, camera), camera, config, fps);
  std::vector<uint8_t> moving;
  for (const PointKind kind : split.kind) moving.push_back(static_cast<uint8_t>(kind));
  return moving;
}

class Bench final : public Command {
 public:
  static constexpr const char* kSummary = "measure trackers and the moving/static split on synthetic clips";

  void options(CLI::App& app) override {
    app.add_option("WHAT", what_, "track")->required()->check(CLI::IsMember({"track"}));
    app.add_option("--tracker", options_.trackers, "trackers to compare")->type_name("NAME");
    app.add_option("--only", options_.only, "clips whose name contains this")->type_name("TEXT");
    app.add_option("--threads", options_.threads, "threads of a tracker")
        ->check(CLI::Range(1, 256))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--write", write_, "write the clips and their truth into a folder and stop")->type_name("DIR");
  }

  std::string examples() const override {
    return "  magma bench track                              all trackers on all clips\n"
           "  magma bench track --write suite --only hand    clips as MP4 with truth as safetensors\n";
  }

  int run(const Output& out) override {
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
  int write_clips(const Output& out) const {
    std::filesystem::create_directories(write_);
    for (const SuiteClip& clip : synthetic_suite()) {
      if (clip.name.find(options_.only) == std::string::npos) continue;
      write_suite_clip(clip, options_.grid, write_);
      out.line("{}", (Path(write_) / (clip.name + ".mp4")).string());
    }
    return 0;
  }

  std::string what_, write_;
  TrackBenchOptions options_;
};

MAGMA_REGISTER(Commands, Bench);

}  // namespace
}  // namespace magma
