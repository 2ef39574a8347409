#include "magma/mark/mark_bench.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

std::vector<MarkBenchRow> bench(std::vector<SuiteClip> clips) {
  const TemporaryFolder folder;
  MarkBenchOptions options;
  options.clips = std::move(clips);
  options.scratch = folder.path();
  std::vector<MarkBenchRow> rows = bench_marks(options);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "a video is left behind";
  return rows;
}

void expect_good(const std::vector<MarkBenchRow>& rows) {
  SCOPED_TRACE(mark_bench_table(rows));
  for (const MarkBenchRow& row : rows) {
    SCOPED_TRACE(row.clip);
    EXPECT_NE(row.status, "rejected");
    EXPECT_LT(row.exact_residual_px, 0.05);
    if (row.camera_only) {
      EXPECT_EQ(row.wrong_marks, 0);
    } else {
      EXPECT_GT(row.moving_marks, 0);
      EXPECT_GE(row.exact_f1.value_or(0), 0.97);
    }
  }
  const MarkBenchRow total = total_row(rows);
  EXPECT_GE(total.point_f1.value_or(0), 0.93);
  EXPECT_GE(total.strict_f1.value_or(0), 0.87);
  EXPECT_GE(total.mark_f1.value_or(0), 0.93);
}

TEST(MarkBench, AFewShortClipsOfEachKindAreMarkedRight) {
  expect_good(bench({{"static", {.seed = 21, .frames = 24, .camera = CameraMode::Static}},
                     {"hand", {.seed = 22, .frames = 24}},
                     {"pan", {.seed = 23, .frames = 24, .camera = CameraMode::Pan}},
                     {"camera_only", {.seed = 24, .frames = 24, .objects = 0}}}));
}

TEST(SlowMarkBench, SuiteAndOtherKindsAreMarkedRight) {
  std::vector<SuiteClip> clips = synthetic_suite();
  for (const SuiteClip& clip : synthetic_kinds()) clips.push_back(clip);
  expect_good(bench(clips));
}

TEST(MarkBench, LongVideosHaveARowForEachClipWithTruthOfItsOwnFrames) {
  const auto rows = bench({{"long", {.seed = 25, .size = {320, 192}, .frames = 100, .camera = CameraMode::Pan}}});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].clip, "long@50");
  for (const MarkBenchRow& row : rows) {
    EXPECT_LT(row.residual_px, 1);
    EXPECT_LT(row.exact_residual_px, 0.05);
    EXPECT_GE(row.exact_f1.value_or(0), 0.97);
  }
}

TEST(MarkBench, UnknownClipIsAUsageError) {
  MarkBenchOptions options;
  options.clips = synthetic_suite();
  options.only = "no such clip";
  EXPECT_THROW(bench_marks(options), Error);
}

TEST(MarkBench, TotalsAreMeansOfWhatIsThere) {
  std::vector<MarkBenchRow> rows(3);
  rows[0].point_f1 = 0.8;
  rows[1].point_f1 = 1.0;
  rows[2].camera_only = true;
  rows[2].wrong_marks = rows[2].moving_marks = 2;
  rows[1].exact_residual_px = 0.01;
  const MarkBenchRow total = total_row(rows);
  EXPECT_NEAR(total.point_f1.value(), 0.9, 1e-12);
  EXPECT_FALSE(total.mark_f1.has_value());
  EXPECT_EQ(total.wrong_marks, 2);
  EXPECT_EQ(total.exact_residual_px, 0.01);
  EXPECT_TRUE(mark_bench_json(rows).at(0).at("mark_f1").is_null());
}

}  // namespace
}  // namespace magma
