// `magma mark --check`: whether an output folder is whole and consistent.
#pragma once

#include <string>
#include <vector>

#include "magma/core/file.h"

namespace magma {

struct OutputCheck {
  int64_t shards = 0;  // of the run
  int64_t unmade = 0;  // of them, left to other parts (--shard)
  int64_t items = 0, clips = 0, samples = 0, failed = 0;
  std::vector<std::string> problems;  // one line each; ends after the hundredth
};

// Every shard of the parts that were run is finished, all files have the sizes and hashes they had, records parse and
// agree with tensors, samples, images and counts, and nothing else lies in the folder; report.* and *.log are not
// looked at. Error(FileSystem) when there is no such folder.
OutputCheck check_output(const Path& folder);

}  // namespace magma
