// One clip of a report: marked image, videos, plots, tables, conversation.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/file.h"
#include "magma/mark/report_page.h"

namespace magma {

struct ReportClip {
  int64_t shard = 0;
  int64_t order = 0;   // of the record in the output
  std::string record;  // JSON line
};

// `samples`: the clip's lines of samples/*.jsonl. `shown` holds the shots whose videos are in the page already.
std::string clip_section(const Path& folder, const ReportClip& clip, const std::vector<std::string>& samples,
                         MediaEmbedder& media, std::set<std::string>& shown);

}  // namespace magma
