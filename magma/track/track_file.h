// Tracks on disk: <id>/tracks [T, N, 2] F32 (or I16 in 1/16 px), <id>/visible [T, ceil(N/8)] U8 bits lowest first (or
// Bool [T, N]), <id>/confidence U8 [T, N] in 1/255 (optional). Layout: som_tom.md 6.2.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "magma/core/file.h"
#include "magma/nn/safetensors.h"
#include "magma/track/tracker.h"

namespace magma {

std::string pack_visible(const uint8_t* visible, int64_t N);  // one row, ceil(N/8) bytes

// Streams the rows of one video into `writer` under `id`.
class TrackFileWriter {
 public:
  TrackFileWriter(SafetensorsWriter& writer, std::string id, int64_t N);
  void write(const TrackRow& row);
  void close();  // after the last row; nothing of it stays in memory

 private:
  SafetensorsWriter& writer_;
  std::string id_;
};

void add_tracks(SafetensorsWriter& writer, const std::string& id, const PointTracks& tracks);

// The one set of tracks of a file, or the clips of one video (<item>-sNNN-cNNN, as `magma mark` names them) one after
// another. Their frame size: metadata "track_w", "track_h"; else the record beside the file (a .jsonl in the same
// folder or one above with the same id and `track: {w, h}`); else `assume`, which may be empty: unknown.
PointTracks read_tracks(const Path& path, Size assume);

}  // namespace magma
