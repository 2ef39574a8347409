#include "magma/track/tracker.h"

#include "magma/core/check.h"

namespace magma {

PointTracks track_clip(Tracker& tracker, std::span<const Query> queries, std::span<const Planes> frames) {
  PointTracks tracks;
  tracks.F = static_cast<int64_t>(frames.size());
  tracks.N = static_cast<int64_t>(queries.size());
  if (!frames.empty()) tracks.frame = frames.front().luma.size;
  int64_t rows = 0;
  tracker.begin(queries, [&](const TrackRow& row) {
    MAGMA_CHECK(row.frame == rows, "row {} came as number {}", row.frame, rows);
    ++rows;
    tracks.xy.insert(tracks.xy.end(), row.xy.begin(), row.xy.end());
    tracks.visible.insert(tracks.visible.end(), row.visible.begin(), row.visible.end());
    tracks.confidence.insert(tracks.confidence.end(), row.confidence.begin(), row.confidence.end());
  });
  for (const Planes& frame : frames) tracker.push(frame);
  tracker.finish();
  MAGMA_CHECK(rows == tracks.F, "{} rows for {} frames", rows, tracks.F);
  return tracks;
}

}  // namespace magma
