// magma split: the shots of a video and the clips they are cut into; optionally as a list for `magma mark --list`.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "magma/core/file.h"
#include "magma/core/interrupt.h"
#include "magma/core/json.h"
#include "magma/image/video_reader.h"
#include "magma/mark/clip_split.h"
#include "magma/mark/cut_finder.h"

namespace magma {
namespace {

struct Shot {
  int64_t first = 0, last = 0;    // frames, last exclusive
  double start_s = 0, end_s = 0;  // half-open
};

struct Scan {
  std::vector<Shot> shots;
  int64_t frames = 0;
};

Scan find_shots(const Path& path, const std::string& detector, const ShotDetectorOptions& options,
                ProgressStyle style) {
  const auto video = open_video(path);
  CutFinder finder(detector, options);
  std::vector<double> seconds;  // of every frame, by its own time stamp
  std::vector<int64_t> cuts;
  Progress progress("split", video->info().claimed_frames, "frames", style);
  const auto take = [&cuts](const std::vector<int64_t>& found) { cuts.insert(cuts.end(), found.begin(), found.end()); };
  while (const DecodedFrame* frame = video->next()) {
    throw_if_interrupted();
    take(finder.push(*frame, static_cast<int64_t>(seconds.size())));
    seconds.push_back(video->seconds());
    progress.advance();
  }
  take(finder.finish());
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  cuts.push_back(static_cast<int64_t>(seconds.size()));

  const double frame_s = seconds.size() > 1
                             ? (seconds.back() - seconds.front()) / static_cast<double>(seconds.size() - 1)
                             : 1.0 / video->info().fps.value();
  seconds.push_back(seconds.back() + frame_s);
  Scan scan{.shots = {}, .frames = static_cast<int64_t>(seconds.size()) - 1};
  int64_t first = 0;
  for (const int64_t cut : cuts) {
    scan.shots.push_back({first, cut, seconds[static_cast<size_t>(first)], seconds[static_cast<size_t>(cut)]});
    first = cut;
  }
  return scan;
}

// A frame belongs to [start, end) by its own time, so a printed border must not lie after the frame it stands for.
double microseconds_down(double seconds) { return std::floor(seconds * 1e6) / 1e6; }

class Split final : public Command {
 public:
  static constexpr const char* kSummary = "find the shots of a video and cut them into clips";

  void options(CLI::App& app) override {
    app.add_option("VIDEO", path_, "video file")->required();
    app.add_option("-o,--output", list_, "write the shots as a list for magma mark --list")->type_name("FILE.jsonl");
    app.add_option("--clip-frames", clip_frames_, "longest clip; longer shots are cut into clips of equal length")
        ->check(CLI::Range(1, 100000))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--detector", detector_, "shot detector (magma list)")->type_name("NAME")->capture_default_str();
    app.add_option("--threshold", options_.threshold, "content change that makes a cut, 0..255")
        ->check(CLI::Range(0.0, 255.0))
        ->type_name("X")
        ->capture_default_str();
    app.add_option("--min-frames", options_.min_frames, "shortest shot")
        ->check(CLI::Range(1, 100000))
        ->type_name("N")
        ->capture_default_str();
  }
  std::string examples() const override {
    return "  magma split film.mp4\n"
           "  magma split film.mp4 -o clips.jsonl && magma mark --list clips.jsonl -o out\n";
  }

  int run(const Output& out) override {
    const Scan scan = find_shots(path_, detector_, options_, out.progress());
    Json shots = Json::array();
    out.line("{:>5} {:>8} {:>8} {:>10} {:>10} {:>6}", "shot", "first", "last", "start s", "end s", "clips");
    for (size_t index = 0; index < scan.shots.size(); ++index) {
      const Shot& shot = scan.shots[index];
      const auto clips = split_clips({shot.first, shot.last}, clip_frames_);
      out.line("{:>5} {:>8} {:>8} {:>10.3f} {:>10.3f} {:>6}", index, shot.first, shot.last, shot.start_s, shot.end_s,
               clips.size());
      Json ranges = Json::array();
      for (const auto& clip : clips) ranges.push_back(Json::array({clip.first, clip.last}));
      shots.push_back({{"first", shot.first},
                       {"last", shot.last},
                       {"start", shot.start_s},
                       {"end", shot.end_s},
                       {"clips", ranges}});
    }
    if (!list_.empty()) write_list(scan);
    out.value({{"video", path_}, {"frames", scan.frames}, {"shots", shots}});
    return 0;
  }

 private:
  void write_list(const Scan& scan) const {
    std::string text;
    const std::string stem = Path(path_).stem().string();
    const Path relative =
        std::filesystem::proximate(path_, Path(list_).parent_path().empty() ? "." : Path(list_).parent_path());
    for (size_t index = 0; index < scan.shots.size(); ++index) {
      text += dump_json({{"id", fmt::format("{}-{:04}", stem, index)},
                         {"video", relative.string()},
                         {"start", microseconds_down(scan.shots[index].start_s)},
                         {"end", microseconds_down(scan.shots[index].end_s)}}) +
              "\n";
    }
    write_file_atomically(list_, text);
  }

  std::string path_, list_;
  std::string detector_ = "content";
  int64_t clip_frames_ = 96;
  ShotDetectorOptions options_;
};

MAGMA_REGISTER(Commands, Split);

}  // namespace
}  // namespace magma
