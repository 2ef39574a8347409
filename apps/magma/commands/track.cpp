// magma track: follow points through a video.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "apps/magma/version.h"
#include "magma/core/json.h"
#include "magma/mark/track_run.h"

namespace magma {
namespace {

class Track final : public Command {
 public:
  static constexpr const char* kSummary = "follow points through a video";

  void options(CLI::App& app) override {
    app.add_option("VIDEO", video_, "video file")->required();
    app.add_option("-o,--output", output_, "folder for the tracks, the video and the report")
        ->required()
        ->type_name("DIR");
    app.add_option("--queries", queries_,
                   "points to follow: JSON lines {\"frame\", \"x\", \"y\"} in the video's pixels")
        ->type_name("FILE");
    app.add_option("--grid", options_.grid, "side of the grid on the first frame, without --queries")
        ->check(CLI::Range(1, 64))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--tracker", options_.tracker, "tracker (magma list)")->type_name("NAME")->capture_default_str();
    app.add_option("--track-width", options_.track_width, "longer side of the frame that is tracked in, px")
        ->check(CLI::Range(64, 8192))
        ->type_name("PX")
        ->capture_default_str();
    app.add_option("--threads", options_.threads, "threads; never changes the result")
        ->check(CLI::Range(1, 256))
        ->type_name("N")
        ->capture_default_str();
    app.add_flag("--no-video", no_video_, "leave orig_trace.mp4 out");
    app.add_flag("--overwrite", options_.overwrite, "replace an earlier output in DIR");
  }

  std::string examples() const override {
    return "  magma track clip.mp4 -o out                      225 points of a grid; watch out/orig_trace.mp4\n"
           "  magma track clip.mp4 -o out --queries points.jsonl\n"
           "  magma track clip.mp4 -o out --no-video --json\n";
  }

  int run(const Output& out) override {
    options_.video = video_;
    options_.output = output_;
    options_.queries = queries_;
    options_.with_video = !no_video_;
    options_.program_version = version_number();
    options_.progress = out.progress();
    const TrackRunSummary summary = run_track(options_);
    out.line("{}: {} points through {} frames, {:.1f} % visible", video_, summary.points, summary.frames,
             100 * summary.visible_share);
    out.line("look at {}", (Path(output_) / "report.html").string());
    Json seconds(summary.seconds);
    out.value({{"video", video_},
               {"output", output_},
               {"frames", summary.frames},
               {"points", summary.points},
               {"visible_share", summary.visible_share},
               {"source", {{"w", summary.source.w}, {"h", summary.source.h}}},
               {"track", {{"w", summary.track.w}, {"h", summary.track.h}}},
               {"seconds", seconds}});
    return 0;
  }

 private:
  std::string video_, output_, queries_;
  bool no_video_ = false;
  TrackRunOptions options_;
};

MAGMA_REGISTER(Commands, Track);

}  // namespace
}  // namespace magma
