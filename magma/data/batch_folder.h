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

// Reads OUT/stream.json.
StreamState read_stream_state(const Path& stream_json);
// Error(Usage) naming the file of `stream` that is not what it was when `stream_json` was written, or the setting.
void require_unchanged(const Path& stream_json, const DataSource& source, const BatchStream& stream);

// Folder OUT: batch_000000.safetensors, ..., samples.jsonl, stream.json. Each batch is whole or absent; after a kill
// stream.json says which is the next, and begin() drops lines of samples.jsonl that belong to later ones.
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
