// Tracker: follows query points through frames that are pushed one by one; memory does not grow with the video.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "magma/core/registry.h"
#include "magma/image/planes.h"
#include "magma/track/tracks.h"

namespace magma {

struct Query {
  int64_t frame = 0;  // counted from the first pushed frame
  Point point;        // px of the tracking frame
};

// One row of PointTracks. A point before its query frame stands at its query position, invisible.
struct TrackRow {
  int64_t frame = 0;
  std::vector<Point> xy;          // [N]
  std::vector<uint8_t> visible;   // [N]
  std::vector<float> confidence;  // [N]
  std::vector<float> quality;     // [N] texture strength 0..1 of the point's patch: min(1, sqrt(lambda_min) / tau)
};

struct TrackerOptions {
  double fps = 30;
  int threads = 1;  // never changes a bit of the result
};

class Tracker {
 public:
  static constexpr const char* kKind = "tracker";
  using Sink = std::function<void(const TrackRow&)>;

  virtual ~Tracker() = default;
  virtual std::string version() const = 0;  // changes whenever results may change
  // Rows reach `sink` in frame order, one for every pushed frame, at the latest in finish().
  virtual void begin(std::span<const Query> queries, Sink sink) = 0;
  virtual void push(const Planes& frame) = 0;  // all of one size
  virtual void finish() = 0;
};

using Trackers = Registry<Tracker, const TrackerOptions&>;

// All rows of a clip.
PointTracks track_clip(Tracker& tracker, std::span<const Query> queries, std::span<const Planes> frames);

}  // namespace magma
