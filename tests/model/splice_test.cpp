#include "magma/model/splice.h"

#include <gtest/gtest.h>

#include "magma/core/error.h"

namespace magma {
namespace {

constexpr int64_t kImage = 99;

std::vector<int64_t> integers(const Tensor& tensor) {
  const auto* values = static_cast<const int64_t*>(tensor.data());
  return {values, values + tensor.count()};
}

// model.md 5: two images of 3 and 5 rows.
TEST(Splice, TheExampleOfTheSpecification) {
  const auto rows = merged_places({{1, 2, 3, 4, kImage, 7, 8}, {9, 10, kImage, 11, 12, 13, 14}}, {3, 5}, kImage);
  ASSERT_EQ(rows[0].size(), 9U);
  ASSERT_EQ(rows[1].size(), 11U);
  EXPECT_EQ(rows[0][3].id, 4);
  EXPECT_EQ(rows[0][4].image, 0);
  EXPECT_EQ(rows[0][6].image_row, 2);
  EXPECT_EQ(rows[0][7].id, 7);
  EXPECT_EQ(rows[1][6].image, 1);
  EXPECT_EQ(rows[1][6].image_row, 4);
  const Layout left = layout_of(rows, Padding::Left);
  EXPECT_EQ(integers(left.attention_mask()),
            (std::vector<int64_t>{0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
  const std::vector<int64_t> positions = integers(left.position_ids());
  EXPECT_EQ(std::vector<int64_t>(positions.begin(), positions.begin() + 11),
            (std::vector<int64_t>{1, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8}));
  const std::vector<int64_t> right = integers(layout_of(rows, Padding::Right).position_ids());
  EXPECT_EQ(std::vector<int64_t>(right.begin(), right.begin() + 11),
            (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1}));
}

TEST(Splice, ImagesAndTheirPlacesMustMatch) {
  EXPECT_THROW(merged_places({{1, kImage}}, {}, kImage), Error);
  EXPECT_THROW(merged_places({{1, 2}}, {3}, kImage), Error);
  EXPECT_THROW(merged_places({{kImage, kImage}}, {3}, kImage), Error);
}

TEST(Splice, FindsTheSideOfThePadding) {
  using Rows = std::vector<std::vector<int64_t>>;
  const std::vector<Ids> ids = {{5, 6, 7}, {8, 9, 4}};
  const auto side = [&](const Rows& mask, Padding preferred) {
    return without_padding(ids, mask, kImage, preferred).side;
  };
  EXPECT_EQ(side({{0, 1, 1}, {1, 1, 1}}, Padding::Right), Padding::Left);
  EXPECT_EQ(side({{1, 1, 0}, {1, 1, 1}}, Padding::Left), Padding::Right);
  EXPECT_EQ(side({{1, 1, 1}, {1, 1, 1}}, Padding::Right), Padding::Right);
  EXPECT_EQ(without_padding(ids, {{0, 1, 1}, {0, 0, 1}}, kImage).rows, (std::vector<Ids>{{6, 7}, {4}}));
  EXPECT_THROW(side({{0, 1, 1}, {1, 1, 0}}, Padding::Left), Error);
  EXPECT_THROW(side({{1, 0, 1}, {1, 1, 1}}, Padding::Left), Error);
  EXPECT_THROW(side({{0, 0, 0}, {1, 1, 1}}, Padding::Left), Error);
  EXPECT_THROW(without_padding({{kImage, 1}}, {{0, 1}}, kImage), Error);
}

}  // namespace
}  // namespace magma
