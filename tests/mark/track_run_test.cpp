#include "magma/mark/track_run.h"

#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "magma/image/video_writer.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

// The folder a user stands in; the old one again at the end.
class StandingIn {
 public:
  explicit StandingIn(const Path& folder) : before_(fs::current_path()) { fs::current_path(folder); }
  ~StandingIn() { fs::current_path(before_); }
  StandingIn(const StandingIn&) = delete;
  StandingIn& operator=(const StandingIn&) = delete;

 private:
  Path before_;
};

TEST(TrackRun, AFolderNamedRelativelyHoldsTheOutput) {
  const TemporaryFolder folder;
  const StandingIn here(folder.path());
  const auto writer = open_video_writer("clip.mp4", {96, 64});
  for (int f = 0; f < 3; ++f) writer->write(Image({96, 64}, {120, 120, 120}));
  writer->finish();
  TrackRunOptions options;
  options.video = "clip.mp4";
  options.output = "made/out";
  options.grid = 2;
  options.progress = ProgressStyle::Quiet;
  for (const bool again : {false, true}) {
    EXPECT_EQ(run_track(options).frames, 3) << again;
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator("made/out")) names.insert(entry.path().filename().string());
    EXPECT_EQ(names, (std::set<std::string>{"orig_trace.mp4", "report.html", "tracks.jsonl", "tracks.safetensors"}));
  }
}

}  // namespace
}  // namespace magma
