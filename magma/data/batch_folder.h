// BatchFolder: batches as files, and the state from which a stream goes on. Layout: docs/formats.md "Batches".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "magma/data/batch_stream.h"

namespace magma {

// What has to be as it was for a stream to go on.
struct StreamState {
  StreamPosition position;
  int64_t batch_size = 0;
  uint64_t seed = 0;
  bool shuffled = true;
};

// Reads OUT/stream.json. Error(Malformed) names the field.
StreamState read_stream_state(const Path& stream_json);
// Before anything of the sources is read: Error(Usage) naming the file that is not what it was when the stream began.
void require_same_files(const Path& stream_json);
// Error(Usage) naming the setting, the configuration, or the file of `files` (of the stream) that is new or is gone.
void require_same_source(const Path& stream_json, const DataSource& source, const std::vector<Path>& files);

// Folder OUT: batch_000000.safetensors, ..., samples.jsonl, stream.json. Each batch is whole or absent; after a kill
// stream.json says which is the next, and begin() drops what belongs to it and to later ones. What stays of
// samples.jsonl stays byte by byte.
class BatchFolder {
 public:
  // `files`: of the stream; their contents are read once for the fingerprint.
  BatchFolder(const Path& folder, const DataSource& source, const std::vector<Path>& files);
  ~BatchFolder();
  void begin(const StreamState& state);
  void write(const Batch& batch, TokenId pad, const StreamState& next);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace magma
