#include "magma/mark/report.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/image/codec.h"
#include "magma/mark/clip_record.h"
#include "magma/mark/clip_videos.h"
#include "magma/mark/output_folder.h"
#include "magma/mark/report_page.h"
#include "magma/mark/track_report.h"
#include "magma/nn/safetensors.h"
#include "magma/track/track_file.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kFrames = 12, kPoints = 20;
constexpr Size kFrame{160, 96};

// A clip in which the first five points walk to the right, or none.
ClipRecord sample_clip(int64_t index, bool moving) {
  ClipRecord record;
  record.item = "walk";
  record.clip = index;
  record.id = "walk-s000-c" + std::to_string(index);
  record.video.path = "videos/<b>walk</b>.mp4";
  record.first = index * kFrames;
  record.last = record.first + kFrames;
  record.fps = {30, 1};
  record.source = record.track = kFrame;
  record.tracker = "classical";
  record.tracker_version = "1";
  record.grid = 5;
  record.text = "open <script>alert('x')</script> the \"door\" & go";
  ClipMarks& marks = record.marks;
  PointTracks& tracks = marks.stabilised;
  tracks.F = kFrames;
  tracks.N = kPoints;
  tracks.frame = kFrame;
  for (int64_t f = 0; f < kFrames; ++f) {
    for (int64_t n = 0; n < kPoints; ++n) {
      const auto step = static_cast<float>(moving && n < 5 ? 3 * f : 0);
      tracks.xy.push_back({static_cast<float>(10 + 30 * (n % 5)) + step, static_cast<float>(12 + 20 * (n / 5))});
      tracks.visible.push_back(1);
      tracks.confidence.push_back(1);
    }
  }
  marks.camera.to_first.assign(kFrames, kIdentity);
  marks.camera.status.assign(kFrames, FitStatus::Fitted);
  marks.camera.inlier_share.assign(kFrames, 0.9F);
  marks.camera.background.assign(kPoints, 1);
  marks.split.kind.assign(kPoints, PointKind::Static);
  marks.split.speed.assign(kPoints, 0);
  if (moving) std::fill_n(marks.split.kind.begin(), 5, PointKind::Moving);
  for (const int64_t point : {int64_t{2}, int64_t{13}}) {
    Mark mark;
    mark.id = point == 2 ? 1 : 2;
    mark.moving = moving && point < 5;
    mark.point = point;
    mark.position = tracks.at(0, point);
    mark.cell = {static_cast<int>(mark.position.x * 1.6F), static_cast<int>(mark.position.y * 2.6F)};
    marks.marks.push_back(mark);
  }
  if (moving) marks.traces.push_back({1, {{1, 2}, {3, 4}, {5, 6}}, 2});
  if (!moving) marks.status = "som_only", marks.reason = "nothing_moves";
  return record;
}

class OutputFixture {
 public:
  explicit OutputFixture(const Path& folder) : folder_(folder) {
    for (const char* name : {"shards", "samples", "images/00000", "videos"}) {
      std::filesystem::create_directories(folder_ / name);
    }
  }

  void add(const ClipRecord& clip) {
    ClipRecord record = clip;
    record.image = "images/00000/" + record.id + ".jpg";
    const Image picture = marked_image(Image(kFrame, {60, 90, 70}), record.marks);
    write_file_atomically(folder_ / record.image, encode_jpeg(picture));
    records_ += dump_json(to_json(record)) + "\n";
    for (const Json& sample : training_samples(record)) samples_ += dump_json(sample) + "\n";
    clips_.push_back(record);
  }
  void add_line(const Json& record) { records_ += dump_json(record) + "\n"; }

  std::string report() {
    write_file_atomically(folder_ / "manifest.json", R"({"version": "0.1.0", "config": {"seed": 7, "eps_px": 1.0}})");
    write_file_atomically(folder_ / records_file(0), records_);
    write_file_atomically(folder_ / samples_file(0), samples_);
    write_file_atomically(folder_ / done_file(0), "{}");
    SafetensorsWriter tensors(folder_ / tensors_file(0));
    for (const ClipRecord& record : clips_) {
      const ClipMarks& marks = record.marks;
      add_tracks(tensors, record.id, marks.stabilised);
      std::vector<float> matrices;
      for (const Homography& h : marks.camera.to_first) matrices.insert(matrices.end(), h.begin(), h.end());
      tensors.add(record.id + "/kind", DType::U8, {static_cast<int64_t>(marks.split.kind.size())},
                  {reinterpret_cast<const char*>(marks.split.kind.data()), marks.split.kind.size()});
      tensors.add(record.id + "/speed", DType::F32, {static_cast<int64_t>(marks.split.speed.size())},
                  {reinterpret_cast<const char*>(marks.split.speed.data()), marks.split.speed.size() * sizeof(float)});
      tensors.add(record.id + "/homography", DType::F32, {kFrames, 3, 3},
                  {reinterpret_cast<const char*>(matrices.data()), matrices.size() * sizeof(float)});
    }
    tensors.finish();
    write_report(folder_);
    return read_file(folder_ / "report.html", 1 << 26);
  }

 private:
  Path folder_;
  std::string records_, samples_;
  std::vector<ClipRecord> clips_;
};

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Report, EscapesWhatComesFromOutside) {
  TemporaryFolder folder;
  OutputFixture output(folder.path());
  output.add(sample_clip(0, true));
  output.add_line(failed_record("<img src=x>", {"a.mp4", "", 0}, "malformed", "error[malformed] <i>a.mp4</i>: broken"));
  const std::string page = output.report();
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<img src=x>")));
  EXPECT_THAT(page, Not(HasSubstr("<i>a.mp4")));
  EXPECT_THAT(page, Not(HasSubstr("<b>walk")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; the &quot;door&quot; &amp; go"));
  EXPECT_THAT(page, HasSubstr("error[malformed] &lt;i&gt;a.mp4&lt;/i&gt;: broken"));
}

TEST(Report, NeedsNothingFromTheNetwork) {
  TemporaryFolder folder;
  OutputFixture output(folder.path());
  output.add(sample_clip(0, true));
  const std::string page = output.report();
  EXPECT_THAT(page, Not(HasSubstr("http:")));
  EXPECT_THAT(page, Not(HasSubstr("https:")));
  EXPECT_THAT(page, Not(HasSubstr("//cdn")));
  EXPECT_THAT(page, HasSubstr("src=\"data:image/jpeg;base64,/9j/"));
}

TEST(Report, ShowsCountsReasonsSettingsAndTheConversation) {
  TemporaryFolder folder;
  OutputFixture output(folder.path());
  output.add(sample_clip(0, true));
  output.add(sample_clip(1, false));
  const std::string page = output.report();
  EXPECT_THAT(page, HasSubstr("<b>2</b><span>clips</span>"));
  EXPECT_THAT(page, HasSubstr("<b>4</b><span>marks</span>"));
  EXPECT_THAT(page, HasSubstr("<b>1</b><span>traces</span>"));
  EXPECT_THAT(page, HasSubstr("<td>nothing moves</td><td>1</td>"));
  EXPECT_THAT(page, HasSubstr("<dt>config.seed</dt><dd>7</dd>"));
  EXPECT_EQ(count(page, "class=\"talk\""), 6);  // two samples of the first clip, one of the second
  EXPECT_EQ(count(page, "aria-label=\"histogram of point speeds\""), 2);
}

TEST(Report, ShowsTwentyFourClipsAndThoseThatMoveFirst) {
  TemporaryFolder folder;
  OutputFixture output(folder.path());
  for (int64_t i = 0; i < 30; ++i) output.add(sample_clip(i, i >= 27));
  const std::string page = output.report();
  EXPECT_EQ(count(page, "aria-label=\"paths of the points\""), 24);
  for (const char* id : {"walk-s000-c27 ", "walk-s000-c28 ", "walk-s000-c29 ", "walk-s000-c20 "}) {
    EXPECT_THAT(page, HasSubstr(std::string("<h2>") + id));
  }
  EXPECT_THAT(page, Not(HasSubstr("<h2>walk-s000-c21 ")));
  EXPECT_THAT(page, HasSubstr("6 more clips"));
}

TEST(Report, EmbedsSmallVideosAndLinksLargeOnes) {
  TemporaryFolder folder;
  const Path videos = folder.path() / "videos" / "walk-s000";
  std::filesystem::create_directories(videos);
  write_file_atomically(videos / "som_tom.mp4", std::string(3000, 's'));
  write_file_atomically(videos / "orig_trace.mp4", std::string(size_t{17} << 20U, 'o'));
  OutputFixture output(folder.path());
  output.add(sample_clip(0, true));
  output.add(sample_clip(1, true));
  const std::string page = output.report();
  EXPECT_EQ(count(page, "src=\"data:video/mp4;base64,c3Nz"), 1);
  EXPECT_EQ(count(page, "src=\"videos/walk-s000/orig_trace.mp4\""), 1);
  EXPECT_THAT(page, HasSubstr("poster=\"images/00000/walk-s000-c0.jpg\""));
  EXPECT_LT(page.size(), size_t{20} << 20U);
}

TEST(Report, CountsDroppedShotsAndShowsClipsThatWereGivenUp) {
  TemporaryFolder folder;
  OutputFixture output(folder.path());
  ClipRecord given_up = sample_clip(0, false);
  given_up.marks.status = "rejected";
  given_up.marks.reason = "camera_unfitted";
  given_up.marks.marks.clear();
  given_up.marks.split = {};
  output.add(given_up);
  output.add_line({{"id", "walk-dropped-90"}, {"item", "walk"}, {"status", "dropped"}, {"reason", "shot_too_short"}});
  const std::string page = output.report();
  EXPECT_THAT(page, HasSubstr("rejected: camera unfitted"));
  EXPECT_THAT(page, HasSubstr("<td>shot too short</td><td>1</td>"));
  EXPECT_THAT(page, HasSubstr("<b>1</b><span>clips</span>"));
}

TEST(Report, OfADamagedRecordNamesFileAndLine) {
  TemporaryFolder folder;
  OutputFixture output(folder.path());
  output.add_line({{"id", "x"}, {"item", 7}, {"status", "ok"}});
  try {
    output.report();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Malformed);
    EXPECT_THAT(error.line(), HasSubstr("shards/00000.jsonl: line 1"));
  }
}

TEST(TrackReport, KeepsAFewHundredRowsOfAnyLength) {
  TemporaryFolder folder;
  TrackReport report({640, 360}, 4);
  TrackRow row;
  for (int64_t f = 0; f < 20'000; ++f) {
    const float x = 5.0F + 0.03F * static_cast<float>(f);
    row.frame = f;
    row.xy = {{x, 40}, {x, 120}, {x, 200}, {x, 280}};
    row.visible = {1, 1, static_cast<uint8_t>(f % 2), 0};
    report.add(row);
  }
  report.write(folder.path(), {{"id", "a<b"}, {"video", {{"path", "a<b.mp4"}}}}, {{"track", 3.0}, {"decode", 1.0}});
  const std::string page = read_file(folder.path() / "report.html", 1 << 26);
  EXPECT_THAT(page, HasSubstr("<b>20000</b><span>frames</span>"));
  EXPECT_THAT(page, HasSubstr("<b>62.5 %</b><span>visible</span>"));
  EXPECT_THAT(page, HasSubstr("a&lt;b.mp4"));
  EXPECT_THAT(page, HasSubstr("<td>track</td><td>3.00</td><td>75 %</td>"));
  EXPECT_LT(page.size(), 100'000U);
}

}  // namespace
}  // namespace magma
