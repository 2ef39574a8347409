// MarkRun: marks and traces of every video of a list, in an output folder that survives kills. Layout: som_tom.md 6.2.
// Final files (report.* apart) depend on the list, the settings and the program only: not on the number of workers,
// the order of work, interruptions, or how shards were spread over processes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "magma/core/progress.h"
#include "magma/mark/mark_config.h"
#include "magma/mark/shard_files.h"
#include "magma/mark/work_list.h"
#include "magma/mark/work_source.h"

namespace magma {

struct MarkRunOptions {
  Path folder;
  MarkConfig config;
  std::string program_version;
  bool videos = true;           // part of the manifest
  int workers = 1;              // items at a time
  int64_t shards = 0;           // output shards; 0: default_shards(); 1 for a single item
  int64_t part = 0, parts = 1;  // --shard I/N: output shards s with s % parts == part
  bool overwrite = false;
  bool single = false;                           // an item's failure is the run's, and leaves the folder as it was
  double max_failed = 0.5;                       // stop when more of the items failed, once 20 have
  ProgressStyle progress = ProgressStyle::Auto;  // of a list; a single item's work counts its own progress
};

struct MarkRunSummary {
  int64_t items = 0, items_before = 0;    // of this process's part; done by an earlier run
  ItemCounts counts;                      // of all of them
  std::map<std::string, double> seconds;  // per stage, of this run
};

// Writes an item's results to the spool; returns seconds per stage. Runs on several threads at once. An Error that says
// that the video is bad makes a failed record, any other ends the run.
using ItemWork = std::function<std::map<std::string, double>(const WorkItem&, ItemSpool&)>;

// Errors: Usage (the folder, see output_folder.h), Malformed (too many failures), Interrupted (goes on when started
// again), Peer (another rank), and whatever ends the work.
MarkRunSummary run_marks(const WorkList& list, const MarkRunOptions& options, const ItemWork& work, WorkSource& source);

}  // namespace magma
