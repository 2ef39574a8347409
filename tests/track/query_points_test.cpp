#include "magma/track/query_points.h"

#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

Path write_lines(const TemporaryFolder& folder, std::string_view text) {
  const Path path = folder.path() / "points.jsonl";
  write_file_atomically(path, text);
  return path;
}

TEST(QueryPoints, GridHasTheReferenceMarginsOnBothAxes) {
  const std::vector<Query> queries = grid_queries({512, 384}, 15, 3);
  ASSERT_EQ(queries.size(), 225U);
  EXPECT_EQ(queries.front().frame, 3);
  EXPECT_EQ(queries.front().point, (Point{8, 8}));
  EXPECT_FLOAT_EQ(queries[1].point.x, 8 + 496.0F / 14);  // row-major: x runs first
  EXPECT_EQ(queries[1].point.y, 8);
  EXPECT_EQ(queries.back().point, (Point{504, 376}));
}

TEST(QueryPoints, OnePointStandsInTheMiddle) { EXPECT_EQ(grid_queries({512, 384}, 1).at(0).point, (Point{256, 192})); }

TEST(QueryPoints, StripsAndColumnsKeepTheirPointsInside) {
  for (const Size frame : {Size{640, 8}, Size{8, 640}, Size{2, 2}, Size{640, 1}}) {
    for (const Query& query : grid_queries(frame, 15)) EXPECT_TRUE(inside(query.point, frame));
  }
}

TEST(QueryPoints, GridWithoutPointsIsRefused) { EXPECT_THROW(grid_queries({640, 384}, 0), Error); }

TEST(QueryPoints, FilePointsAreScaledToTheTrackingFrame) {
  const TemporaryFolder folder;
  const Path path =
      write_lines(folder, "{\"frame\": 2, \"x\": 99.5, \"y\": 0}\n{\"frame\": 0, \"x\": 0, \"y\": 199}\n");
  const std::vector<Query> queries = read_queries(path, {200, 200}, {100, 100});
  ASSERT_EQ(queries.size(), 2U);
  EXPECT_EQ(queries[0].frame, 2);
  EXPECT_EQ(queries[0].point, (Point{49.5F, -0.25F}));
  EXPECT_EQ(queries[1].point, (Point{-0.25F, 99.25F}));
}

TEST(QueryPoints, BadPointsAreMalformedAndNameTheirLine) {
  const TemporaryFolder folder;
  const std::string good = "{\"frame\": 0, \"x\": 1, \"y\": 1}\n";
  for (const std::string bad : {"{\"frame\": 0, \"x\": 200, \"y\": 1}", "{\"frame\": -1, \"x\": 1, \"y\": 1}",
                                "{\"x\": 1, \"y\": 1}", "{\"frame\": 0, \"x\": 1, \"y\": 1, \"z\": 1}", "[1, 2]"}) {
    try {
      read_queries(write_lines(folder, good + bad), {200, 200}, {100, 100});
      ADD_FAILURE() << bad << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Malformed) << error.line();
      EXPECT_NE(error.line().find("line 2"), std::string::npos) << error.line();
    }
  }
}

TEST(QueryPoints, EmptyFileIsMalformed) {
  const TemporaryFolder folder;
  EXPECT_THROW(read_queries(write_lines(folder, ""), {200, 200}, {100, 100}), Error);
}

}  // namespace
}  // namespace magma
