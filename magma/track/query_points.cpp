#include "magma/track/query_points.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"

namespace magma {
namespace {

// Step i of `side` positions from `margin` to `extent - margin`; one alone stands in the middle.
float grid_position(int i, int side, double extent, double margin) {
  if (side == 1) return static_cast<float>(std::min(extent / 2, extent - 1));
  return static_cast<float>(std::min(margin + i * (extent - 2 * margin) / (side - 1), extent - 1));
}

Query read_query(const JsonObject& object, Size source, Size frame, const std::string& file, const std::string& where) {
  object.refuse_unknown({"frame", "x", "y"});
  Query query;
  query.frame = object.integer("frame");
  const Point point = {static_cast<float>(object.number("x")), static_cast<float>(object.number("y"))};
  if (query.frame < 0) {
    throw Error(ErrorCode::Malformed, {.file = file,
                                       .where = where + "/frame",
                                       .what = "a frame number is negative",
                                       .expected = "0 or more",
                                       .got = std::to_string(query.frame)});
  }
  if (!inside(point, source)) {
    throw Error(ErrorCode::Malformed, {.file = file,
                                       .where = where,
                                       .what = "a query point lies outside the frame",
                                       .expected = fmt::format("x in 0..{}, y in 0..{}", source.w - 1, source.h - 1),
                                       .got = fmt::format("x {}, y {}", point.x, point.y)});
  }
  query.point = rescale(point, source, frame);
  return query;
}

}  // namespace

std::vector<Query> grid_queries(Size frame, int side, int64_t query_frame) {
  bounded(static_cast<int64_t>(side) * side, 1, limits().points, "grid points");
  // A strip lower than W/16 would have margins that leave nothing of it.
  const double margin = std::min(frame.w / 64.0, std::min(frame.w, frame.h) / 4.0);
  std::vector<Query> queries;
  for (int i = 0; i < side; ++i) {
    for (int j = 0; j < side; ++j) {
      queries.push_back(
          {query_frame, {grid_position(j, side, frame.w, margin), grid_position(i, side, frame.h, margin)}});
    }
  }
  return queries;
}

std::vector<Query> read_queries(const Path& path, Size source, Size frame) {
  std::vector<Query> queries;
  JsonLines lines(path);
  while (const std::optional<Json> line = lines.next()) {
    bounded(static_cast<int64_t>(queries.size()) + 1, 1, limits().points, "query points");
    const JsonObject object(*line, path.string(), lines.where());
    queries.push_back(read_query(object, source, frame, path.string(), lines.where()));
  }
  if (queries.empty()) {
    throw Error(ErrorCode::Malformed, {.file = path.string(), .what = "the file holds no query point"});
  }
  return queries;
}

}  // namespace magma
