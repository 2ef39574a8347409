// report.html of `magma track`: collected row by row in bounded memory.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/file.h"
#include "magma/track/tracker.h"

namespace magma {

class TrackReport {
 public:
  TrackReport(Size frame, int64_t N);
  void add(const TrackRow& row);
  // FOLDER/report.html, with FOLDER/orig_trace.mp4 when it is there. `record` is the line of tracks.jsonl.
  void write(const Path& folder, const nlohmann::json& record, const std::map<std::string, double>& seconds) const;

 private:
  void thin_out();  // keeps every second row

  PointTracks kept_;          // every `stride_`-th row
  std::vector<float> share_;  // visible share of each kept row
  int64_t frames_ = 0, stride_ = 1, visible_ = 0;
};

}  // namespace magma
