#include "magma/data/gripper.h"

#include <cmath>
#include <numbers>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/random.h"
#include "magma/data/rotation.h"

namespace magma {
namespace {

using testing::ElementsAre;

std::vector<float> binarized(std::vector<float> values) {
  binarize_gripper(values);
  return values;
}

std::vector<float> absolute(std::vector<float> values) {
  absolute_gripper(values);
  return values;
}

TEST(Gripper, InBetweenBecomesWhatIsReachedAfterwards) {
  EXPECT_THAT(binarized({1, 0.5F, 0.3F, 0.01F, 0.4F, 0.96F}), ElementsAre(1, 0, 0, 0, 1, 1));
  EXPECT_THAT(binarized({0.99F, 0.2F, 0.6F}), ElementsAre(1, 0.6F, 0.6F));  // a tail in between keeps its last value
  EXPECT_THAT(binarized({0.95F, 0.05F, 0}), ElementsAre(0, 0, 0));          // the bounds themselves are in between
  EXPECT_THAT(binarized({}), ElementsAre());
}

TEST(Gripper, RelativeCommandsBecomeStates) {
  EXPECT_THAT(absolute({0, 0, 1, 0, -1, 0}), ElementsAre(1, 1, 0, 0, 1, 1));
  EXPECT_THAT(absolute({0, -1, 0, 1}), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(absolute({0, 0.1F, -0.1F}), ElementsAre(1, 1, 1));  // too small to be commands: open throughout
  EXPECT_THAT(absolute({}), ElementsAre());
}

TEST(Gripper, InvertAndClip) {
  std::vector<float> values = {-0.5F, 0.25F, 3};
  clip_to_unit(values);
  EXPECT_THAT(values, ElementsAre(0, 0.25F, 1));
  invert(values);
  EXPECT_THAT(values, ElementsAre(1, 0.75F, 0));
}

std::array<float, 4> quaternion(double roll, double pitch, double yaw) {
  const double cr = std::cos(roll / 2), sr = std::sin(roll / 2), cp = std::cos(pitch / 2), sp = std::sin(pitch / 2),
               cy = std::cos(yaw / 2), sy = std::sin(yaw / 2);
  return {static_cast<float>(sr * cp * cy - cr * sp * sy), static_cast<float>(cr * sp * cy + sr * cp * sy),
          static_cast<float>(cr * cp * sy - sr * sp * cy), static_cast<float>(cr * cp * cy + sr * sp * sy)};
}

TEST(Rotation, AnglesComeBackFromTheQuaternion) {
  Rng rng(11);
  for (int k = 0; k < 2000; ++k) {
    const double roll = rng.uniform(-3.1, 3.1), pitch = rng.uniform(-1.5, 1.5), yaw = rng.uniform(-3.1, 3.1);
    const auto [x, y, z] = euler_angles(quaternion(roll, pitch, yaw));
    EXPECT_NEAR(y, pitch, 1e-5);
    EXPECT_NEAR(x, roll, 1e-4);
    EXPECT_NEAR(z, yaw, 1e-4);
  }
}

TEST(Rotation, GimbalLockTurnsAboutOneAxisOnly) {
  const auto [x, y, z] = euler_angles(quaternion(1.0, std::numbers::pi / 2, 0.25));
  EXPECT_NEAR(y, std::numbers::pi / 2, 1e-6);
  EXPECT_NEAR(x, 0.75, 1e-3);
  EXPECT_EQ(z, 0);
  EXPECT_THAT(euler_angles({0, 0, 0, 1}), ElementsAre(0, 0, 0));
}

}  // namespace
}  // namespace magma
