// RldsDataset: a TFDS version folder of robot episodes: features.json, dataset_info.json, shards of TFRecords.
// Source: data_formats.md 1.3 to 1.7.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "magma/core/file.h"
#include "magma/data/stored_value.h"
#include "magma/data/tfrecord.h"

namespace magma {

struct RldsFeature {
  std::string key{};  // "steps/observation/image_0", without the /ragged_..., /shape, /value parts
  bool per_step = false;
  int64_t ragged_levels = 0;       // sequences inside a step
  Element element = Element::F32;  // String also for text; Image for pictures
  std::vector<int64_t> shape{};    // of one value; -1: not known before it is read
  std::vector<int64_t> picture{};  // of an Image once decoded, [..., height, width, channels]; -1: any
};

struct RldsSplit {
  std::string name{};
  std::vector<Path> shards{};
  std::vector<int64_t> shard_lengths{};  // episodes
};

// Where an episode lies.
struct EpisodePlace {
  size_t split = 0, shard = 0;
  int64_t record = 0;  // in its shard
  int64_t offset = 0;  // of the record's first framing byte
  int64_t bytes = 0;   // of its payload
};

// One episode; values are decoded when they are asked for. Errors name shard, record and feature (and step).
class Episode {
 public:
  struct State;
  explicit Episode(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  int64_t steps() const;
  bool has(std::string_view key) const;  // a feature of the data set, whether or not it holds values
  // Per-step features have a leading T. Error(Malformed) when there is no such feature or its values do not fit it.
  StoredValue value(std::string_view key) const;
  // String or picture `step` of a per-step feature; valid as long as this episode.
  std::string_view text(std::string_view key, int64_t step) const;

 private:
  std::shared_ptr<const State> state_;
};

class EpisodeReader;

class RldsDataset {
 public:
  // Strict: Error(Malformed) with file and place; a missing file or shard is Error(FileSystem).
  explicit RldsDataset(const Path& version_folder);
  const std::string& name() const;  // of dataset_info.json
  const std::vector<RldsFeature>& features() const;
  const std::vector<RldsSplit>& splits() const;
  // All episodes of a split, in (shard, record) order; reads the framing alone. Malformed when a shard has not as many
  // records as dataset_info.json says, or is cut.
  std::vector<EpisodePlace> places(size_t split) const;
  Episode read(const EpisodePlace& place) const;  // from any thread; checks both CRCs

 private:
  friend class EpisodeReader;
  struct State;
  std::shared_ptr<const State> state_;
};

// The episodes of one shard, one after another: those before damage are delivered.
class EpisodeReader {
 public:
  EpisodeReader(const RldsDataset& dataset, size_t split, size_t shard);
  // As TfRecordReader; Malformed at the end when the shard has not as many records as dataset_info.json says.
  bool next();
  bool skip();
  bool lost() const { return records_.lost(); }
  EpisodePlace place() const;
  Episode episode() const;  // of the record that next() read
  // Malformed for the first feature that the record holds and features.json does not.
  void refuse_unknown_features() const;

 private:
  void check_count() const;

  std::shared_ptr<const RldsDataset::State> dataset_;
  size_t split_ = 0, shard_ = 0;
  TfRecordReader records_;
};

bool is_rlds_folder(const Path& folder);  // holds features.json and dataset_info.json

// The version folder of "name[/config][:version]" below `root`: the highest version where none is given.
// Error(FileSystem) when there is none.
Path find_version_folder(const Path& root, const std::string& reference);

}  // namespace magma
