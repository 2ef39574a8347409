// report.json: totals of an output folder, from its finished shards. May hold times.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/file.h"
#include "magma/mark/shard_files.h"

namespace magma {

ItemCounts counts_of_done(const nlohmann::json& done);

// A part I of N of a run: the output shards s with s % N == I.
struct RunPart {
  int64_t part = 0, parts = 1;
};

// Totals per status and reason, the failed items with their reasons (the first thousand), the parts that were run to
// their end in this folder, seconds per stage of this run.
void write_run_summary(const Path& folder, int64_t shards, const std::map<std::string, double>& seconds,
                       RunPart run = {});

// The parts that report.json tells of; the whole run where there is no such file or it cannot be understood.
std::vector<RunPart> parts_run(const Path& folder);

}  // namespace magma
