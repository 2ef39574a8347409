#include "magma/mark/work_list.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/random.h"

namespace magma {
namespace {

constexpr size_t kLongestId = 128;
constexpr std::string_view kIdCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= kLongestId && !id.starts_with('.') &&
         id.find_first_not_of(kIdCharacters) == std::string_view::npos;
}

class ItemReader {
 public:
  explicit ItemReader(const Path& path) : path_(path) {}

  WorkItem read(const Json& value, const std::string& where) {
    where_ = where;
    const JsonObject line(value, path_.string(), where);
    line.refuse_unknown({"id", "video", "text", "start", "end"});
    WorkItem item;
    item.id = line.string("id");
    if (!is_id(item.id)) {
      fail("/id", "not an id", "1 to 128 of A-Z a-z 0-9 . _ -, not starting with a dot", item.id);
    }
    const auto [first, added] = seen_.emplace(item.id, where);
    if (!added) fail("/id", "id appears twice", "", item.id + ", first on " + first->second);
    item.video_name = line.string("video");
    if (item.video_name.empty() || item.video_name.find('\0') != std::string::npos) fail("/video", "not a file name");
    item.video = path_.parent_path() / item.video_name;  // an absolute name replaces the folder
    item.text = line.optional_string("text");
    item.start_s = line.optional_number("start");
    item.end_s = line.optional_number("end");
    require_range(item);
    return item;
  }

 private:
  [[noreturn]] void fail(const std::string& member, std::string what, std::string expected = "",
                         std::string got = "") const {
    throw Error(ErrorCode::Malformed, {.file = path_.string(),
                                       .where = where_ + member,
                                       .what = std::move(what),
                                       .expected = std::move(expected),
                                       .got = std::move(got)});
  }
  void require_range(const WorkItem& item) const {
    if (item.start_s.value_or(0) < 0) fail("/start", "negative time", "", fmt::format("{}", *item.start_s));
    if (item.end_s && *item.end_s <= item.start_s.value_or(0)) {
      fail("/end", "ends before it starts", fmt::format("more than {}", item.start_s.value_or(0)),
           fmt::format("{}", *item.end_s));
    }
  }

  const Path& path_;
  std::string where_;
  std::map<std::string, std::string> seen_;  // id -> its line
};

uint64_t hash_of(const std::vector<WorkItem>& items, const std::string& extra) {
  uint64_t hash = hash64(extra);
  for (const WorkItem& item : items) {
    Json line = {{"id", item.id}, {"video", item.video_name}};
    if (item.text) line["text"] = *item.text;
    if (item.start_s) line["start"] = *item.start_s;
    if (item.end_s) line["end"] = *item.end_s;
    constexpr int kExactDigits = 17;
    hash = hash64(dump_json(line, kExactDigits), hash);
  }
  return hash;
}

std::string id_from_stem(const Path& video) {
  std::string id = video.stem().string().substr(0, kLongestId);
  for (char& c : id) {
    if (kIdCharacters.find(c) == std::string_view::npos) c = '_';
  }
  if (id.empty() || id.front() == '.') id = "video";
  return id;
}

}  // namespace

WorkList read_work_list(const Path& path) {
  WorkList list;
  JsonLines lines(path);
  ItemReader reader(path);
  while (const auto value = lines.next()) list.items.push_back(reader.read(*value, lines.where()));
  if (list.items.empty()) throw Error(ErrorCode::Malformed, {.file = path.string(), .what = "the list has no lines"});
  list.hash = hash_of(list.items, "");
  return list;
}

WorkList single_item(const Path& video, std::optional<double> start_s, std::optional<double> end_s,
                     std::optional<std::string> text, const std::string& extra) {
  WorkItem item{.id = id_from_stem(video),
                .video = video,
                .video_name = video.string(),
                .text = std::move(text),
                .start_s = start_s,
                .end_s = end_s};
  WorkList list{.items = {std::move(item)}};
  list.hash = hash_of(list.items, extra);
  return list;
}

int64_t default_shards(int64_t items) {
  constexpr int64_t kItemsPerShard = 16, kMostShards = 4096;
  return std::clamp((items + kItemsPerShard - 1) / kItemsPerShard, int64_t{1}, kMostShards);
}

std::vector<std::vector<int64_t>> shard_members(const WorkList& list, int64_t shards) {
  std::vector<std::vector<int64_t>> members(static_cast<size_t>(shards));
  for (size_t i = 0; i < list.items.size(); ++i) {
    members[hash64(list.items[i].id) % static_cast<uint64_t>(shards)].push_back(static_cast<int64_t>(i));
  }
  return members;
}

}  // namespace magma
