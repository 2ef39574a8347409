#include <set>

#include <nlohmann/json.hpp>

#include "magma/core/geometry.h"
#include "magma/core/json.h"
#include "magma/mark/work_list.h"
#include "magma/track/query_points.h"
#include "tests/fuzz/fuzz_target.h"

namespace magma {
namespace {

std::string lines_of(const WorkList& list) {
  std::string lines;
  for (const WorkItem& item : list.items) {
    Json line = {{"id", item.id}, {"video", item.video_name}};
    if (item.text) line["text"] = *item.text;
    if (item.start_s) line["start"] = *item.start_s;
    if (item.end_s) line["end"] = *item.end_s;
    constexpr int kExactDigits = 17;
    lines += dump_json(line, kExactDigits) + "\n";
  }
  return lines;
}

}  // namespace

void fuzz_work_list(std::string_view bytes) {
  const Path path = fuzz_file("work_list", "input.jsonl", bytes);
  const auto list = unless_refused([&] { return read_work_list(path); });
  if (!list) return;
  std::set<std::string> ids;
  for (const WorkItem& item : list->items) {
    demand(ids.insert(item.id).second, "ids are distinct");
    demand(item.id.find('/') == std::string::npos && item.id.front() != '.', "an id is a file name");
    demand(item.start_s.value_or(0) >= 0 && item.end_s.value_or(1e300) > item.start_s.value_or(0), "a range is one");
  }
  size_t members = 0;
  for (const auto& shard : shard_members(*list, default_shards(static_cast<int64_t>(list->items.size())))) {
    members += shard.size();
  }
  demand(members == list->items.size(), "every item is in one shard");
  const Path again = fuzz_file("work_list", "again.jsonl", lines_of(*list));
  demand(read_work_list(again).hash == list->hash, "what is written reads back the same");
}

void fuzz_query_points(std::string_view bytes) {
  constexpr Size kSource{640, 384}, kFrame{320, 192};
  const Path path = fuzz_file("query_points", "input.jsonl", bytes);
  const auto queries = unless_refused([&] { return read_queries(path, kSource, kFrame); });
  if (!queries) return;
  for (const Query& query : *queries) {
    demand(query.frame >= 0, "frames count from 0");
    const Point p = query.point;  // a pixel reaches half a side beyond its centre
    demand(p.x >= -0.5F && p.y >= -0.5F && p.x <= kFrame.w - 0.5F && p.y <= kFrame.h - 0.5F, "points are inside");
  }
}

}  // namespace magma
