#include "magma/mark/shot_detector.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "magma/core/file.h"
#include "magma/core/random.h"
#include "magma/mark/content_score.h"

namespace magma {
namespace {

constexpr Size kSize = {128, 72};

uint8_t grey(double value) { return static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L)); }

// A wide picture of waves, so that a shifted view of the same scene can be had.
class WaveScene {
 public:
  explicit WaveScene(uint64_t seed, double u = 0, double v = 0, double contrast = 1)
      : u_(u), v_(v), luma_(kWidth * kSize.h, 110.0) {
    Rng rng(seed);
    for (int i = 0; i < 12; ++i) {
      const double kx = rng.uniform(-0.5, 0.5), ky = rng.uniform(-0.5, 0.5), phase = rng.uniform(0, 6.28);
      const double height = contrast * rng.uniform(8, 20);
      for (size_t at = 0; at < luma_.size(); ++at) {
        const double x = static_cast<double>(at % kWidth), y = static_cast<double>(at / kWidth);
        luma_[at] += height * std::cos(kx * x + ky * y + phase);
      }
    }
  }

  Planes view(int64_t x0 = 0, double gain = 1) const {
    Planes planes;
    planes.luma = GreyImage(kSize);
    for (int y = 0; y < kSize.h; ++y) {
      const double* row = luma_.data() + static_cast<size_t>(y) * kWidth + x0;
      for (int x = 0; x < kSize.w; ++x) planes.luma.row(y)[x] = grey(gain * row[x]);
    }
    planes.u = GreyImage({kSize.w / 2, kSize.h / 2}, grey(128 + gain * u_));
    planes.v = GreyImage({kSize.w / 2, kSize.h / 2}, grey(128 + gain * v_));
    return planes;
  }

 private:
  static constexpr size_t kWidth = 640;
  double u_, v_;
  std::vector<double> luma_;  // [H, kWidth]
};

Planes plain(uint8_t luma) {
  Planes planes;
  planes.luma = GreyImage(kSize, luma);
  planes.u = GreyImage({kSize.w / 2, kSize.h / 2}, 128);
  planes.v = planes.u;
  return planes;
}

std::vector<int64_t> cuts_of(const std::string& name, int64_t frames, const std::function<Planes(int64_t)>& frame) {
  const auto detector = ShotDetectors::make(name, ShotDetectorOptions{});
  std::vector<int64_t> cuts;
  int64_t settled = 0;
  for (int64_t n = 0; n < frames; ++n) {
    for (const int64_t cut : detector->push(frame(n))) {
      EXPECT_GE(cut, settled) << "reported too late";
      cuts.push_back(cut);
    }
    EXPECT_GE(detector->settled(), settled);
    settled = detector->settled();
    EXPECT_LE(settled, n + 1);
  }
  for (const int64_t cut : detector->finish()) cuts.push_back(cut);
  return cuts;
}

const WaveScene kStreet(1, 6, -14), kForest(2, -16, 8), kSameColours(3, 6, -14);

Planes read_planes(std::ifstream& stream, Size size) {
  Planes planes;
  planes.luma = GreyImage(size);
  planes.u = planes.v = GreyImage({size.w / 2, size.h / 2});
  for (GreyImage* plane : {&planes.luma, &planes.u, &planes.v}) {
    stream.read(reinterpret_cast<char*>(plane->pixels.data()), static_cast<std::streamsize>(plane->pixels.size()));
  }
  return planes;
}

TEST(StrictContentDetector, AgreesWithTheDefinitionRenderedInPython) {
  const Path folder = Path(MAGMA_SOURCE_DIR) / "tests/mark/fixtures";
  std::ifstream stream(folder / "content_scores.yuv", std::ios::binary);
  std::istringstream expected(read_file(folder / "content_scores.txt", 1 << 16));
  std::string word;
  std::vector<int64_t> expected_cuts, cuts;
  expected >> word;
  while (expected >> word && word != "scores") expected_cuts.push_back(std::stoll(word));
  const auto detector = ShotDetectors::make("content_strict", ShotDetectorOptions{});
  int frames = 0;
  for (double score = 0; expected >> score; ++frames) {
    for (const int64_t cut : detector->push(read_planes(stream, {24, 16}))) cuts.push_back(cut);
    ASSERT_TRUE(stream.good());
    EXPECT_NEAR(detector->score(), score, 0.5 + 0.02 * score) << "frame " << frames;
  }
  EXPECT_EQ(frames, 96);
  EXPECT_EQ(expected_cuts.size(), 3U);
  EXPECT_EQ(cuts, expected_cuts);
}

TEST(ContentSampleSize, LongerSideIs256AndHalvesGoToTheEvenNeighbour) {
  EXPECT_EQ(content_sample_size({1280, 720}), (Size{256, 144}));
  EXPECT_EQ(content_sample_size({720, 1280}), (Size{144, 256}));
  EXPECT_EQ(content_sample_size({512, 5}), (Size{256, 2}));
  EXPECT_EQ(content_sample_size({512, 7}), (Size{256, 4}));
  EXPECT_EQ(content_sample_size({4096, 3}), (Size{256, 1}));
  EXPECT_EQ(content_sample_size({255, 200}), (Size{255, 200}));
}

std::vector<int64_t> merged(const std::vector<int64_t>& above, int64_t frames) {
  MergeFilter filter(15);
  std::vector<int64_t> cuts;
  for (int64_t n = 0; n < frames; ++n) {
    if (const auto cut = filter.push(std::count(above.begin(), above.end(), n) > 0)) cuts.push_back(*cut);
  }
  return cuts;
}

TEST(MergeFilter, FollowsTheRulesByHand) {
  using Cuts = std::vector<int64_t>;
  EXPECT_EQ(merged({10}, 100), Cuts{});      // in the first 15 frames
  EXPECT_EQ(merged({15}, 100), Cuts{15});    // on the border
  EXPECT_EQ(merged({10, 20}, 100), Cuts{});  // 10 is no cut, and 20 is too near to it
  EXPECT_EQ(merged({10, 25}, 100), Cuts{25});
  EXPECT_EQ(merged({40, 48}, 100), Cuts{40});  // eight frames apart: merged
  EXPECT_EQ(merged({40, 48, 63}, 100), (Cuts{40, 63}));
  EXPECT_EQ(merged({40, 48, 62}, 100), Cuts{40});
  EXPECT_EQ(merged({40, 48, 63}, 78), Cuts{40});  // certain only 15 frames later
}

class EveryContentDetector : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, EveryContentDetector, testing::Values("content", "content_strict"));

TEST_P(EveryContentDetector, FindsCutsAtTheExactFrame) {
  const auto frame = [](int64_t n) { return n < 30 ? kStreet.view(n / 2) : n < 61 ? kForest.view() : kStreet.view(); };
  EXPECT_EQ(cuts_of(GetParam(), 90, frame), (std::vector<int64_t>{30, 61}));
}

TEST_P(EveryContentDetector, FindsACutBetweenScenesOfTheSameColours) {
  const WaveScene morning(1, 6, -14, 2.5), evening(3, 6, -14, 2.5);
  const auto frame = [&](int64_t n) { return n < 40 ? morning.view() : evening.view(); };
  EXPECT_EQ(cuts_of(GetParam(), 80, frame), std::vector<int64_t>{40});
}

TEST_P(EveryContentDetector, IgnoresTheFirstFifteenFramesAndMergesNearCuts) {
  const auto early = [](int64_t n) { return n < 10 ? kStreet.view() : kForest.view(); };
  EXPECT_TRUE(cuts_of(GetParam(), 60, early).empty());
  const auto near = [](int64_t n) { return n < 40 ? kStreet.view() : n < 48 ? kForest.view() : kSameColours.view(); };
  EXPECT_EQ(cuts_of(GetParam(), 80, near), std::vector<int64_t>{40});
}

TEST_P(EveryContentDetector, FindsACutToALongBlackAndBack) {
  const auto frame = [](int64_t n) { return n < 30 ? kStreet.view() : n < 60 ? plain(0) : kForest.view(); };
  EXPECT_EQ(cuts_of(GetParam(), 90, frame), (std::vector<int64_t>{30, 60}));
}

TEST_P(EveryContentDetector, OneFrameIsNoCut) {
  EXPECT_TRUE(cuts_of(GetParam(), 1, [](int64_t) { return kStreet.view(); }).empty());
}

TEST(GuardedContentDetector, SuddenExposureStepIsNoCut) {
  for (const double gain : {0.25, 0.5, 1.5, 2.0}) {
    const auto frame = [gain](int64_t n) { return kStreet.view(n, n < 40 ? 1 : gain); };
    EXPECT_TRUE(cuts_of("content", 80, frame).empty()) << gain;
  }
  const auto darker = [](int64_t n) { return kStreet.view(0, n < 40 ? 1 : 0.25); };
  EXPECT_FALSE(cuts_of("content_strict", 80, darker).empty()) << "the guard has nothing to do";
}

TEST(GuardedContentDetector, FlashesOfOneToThreeFramesAreNoCut) {
  for (const int64_t length : {1, 2, 3}) {
    for (const uint8_t luma : std::vector<uint8_t>{0, 255}) {
      const auto frame = [&](int64_t n) { return n >= 40 && n < 40 + length ? plain(luma) : kStreet.view(n); };
      EXPECT_TRUE(cuts_of("content", 80, frame).empty()) << length << " frames of " << static_cast<int>(luma);
      EXPECT_FALSE(cuts_of("content_strict", 80, frame).empty());
    }
  }
}

TEST(GuardedContentDetector, FadesAreNoCut) {
  for (const double length : {8.0, 15.0, 30.0}) {
    const auto through_black = [length](int64_t n) {
      const double gain = std::clamp(std::abs(static_cast<double>(n) - 50) / length, 0.0, 1.0);
      return (n < 50 ? kStreet : kForest).view(0, gain);
    };
    EXPECT_TRUE(cuts_of("content", 100, through_black).empty()) << length;
  }
}

TEST(GuardedContentDetector, WhipPansAreNoCut) {
  for (const int64_t speed_px : {12, 25, 40}) {
    const auto frame = [speed_px](int64_t n) { return kStreet.view(speed_px * std::clamp<int64_t>(n - 40, 0, 12)); };
    EXPECT_TRUE(cuts_of("content", 90, frame).empty()) << speed_px;
  }
}

TEST(GuardedContentDetector, FindsACutThatIsAlsoAnExposureStep) {
  const auto frame = [](int64_t n) { return n < 40 ? kStreet.view(n) : kForest.view(n, 0.6); };
  EXPECT_EQ(cuts_of("content", 80, frame), std::vector<int64_t>{40});
}

TEST(NoShotDetector, NeverCuts) {
  EXPECT_TRUE(cuts_of("none", 60, [](int64_t n) { return n < 30 ? kStreet.view() : kForest.view(); }).empty());
}

}  // namespace
}  // namespace magma
