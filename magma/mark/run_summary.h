// report.json: totals of an output folder, from its finished shards. May hold times.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/file.h"
#include "magma/mark/shard_files.h"

namespace magma {

ItemCounts counts_of_done(const nlohmann::json& done);

// Totals per status and reason, the failed items with their reasons (the first thousand), seconds per stage of this
// run.
void write_run_summary(const Path& folder, int64_t shards, const std::map<std::string, double>& seconds);

}  // namespace magma
