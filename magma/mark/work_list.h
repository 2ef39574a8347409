// WorkList: the videos of one run, checked as a whole before any work starts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "magma/core/file.h"

namespace magma {

struct WorkItem {
  std::string id;          // [A-Za-z0-9._-]{1,128}, not starting with '.'
  Path video;              // as it is opened
  std::string video_name;  // as the user gave it
  std::optional<std::string> text;
  std::optional<double> start_s, end_s;
};

struct WorkList {
  std::vector<WorkItem> items;  // in list order
  uint64_t hash = 0;            // of what the items say, not of the spelling of the file
};

// Lines {"id", "video", "text"?, "start"?, "end"?}; relative paths are relative to the list's folder.
// Error(Malformed) with the line for anything else, duplicate ids included. Videos are not looked at.
WorkList read_work_list(const Path& path);

// A list of one; the id is made from the file's stem. `extra` is hashed too: what else decides the result.
WorkList single_item(const Path& video, std::optional<double> start_s, std::optional<double> end_s,
                     std::optional<std::string> text, const std::string& extra = "");

// min(4096, ceil(items / 16)), at least 1.
int64_t default_shards(int64_t items);

// Items of each of `shards` output shards, as indices in list order; an item's shard depends on its id only.
std::vector<std::vector<int64_t>> shard_members(const WorkList& list, int64_t shards);

}  // namespace magma
