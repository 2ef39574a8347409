// dataset_info.json of a TFDS data set: its name, splits and shards. Source: data_formats.md 1.3, 1.4.
#pragma once

#include <string>
#include <vector>

#include "magma/core/json.h"
#include "magma/data/rlds_dataset.h"

namespace magma {

struct TfdsSplit {
  std::string name{};
  std::vector<int64_t> shard_lengths{};
  std::string filename_template{};  // empty: the usual one
};
struct TfdsInfo {
  std::string name{};
  std::vector<TfdsSplit> splits{};
};

// Malformed with the JSON pointer; Refused for shards that are not TFRecord files.
TfdsInfo parse_tfds_info(const Json& json, const std::string& file);

// "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}" filled in. Malformed for a variable that is not known, Refused for a
// name that leaves the folder.
std::string shard_name(const TfdsSplit& split, const std::string& dataset, size_t shard);

// Name and splits of the folder, with the shards where they lie: under the name in dataset_info.json, that of the
// folder, or any other that all of them share. Error(FileSystem) names the first that is missing.
struct TfdsFolder {
  std::string name{};
  std::vector<RldsSplit> splits{};
};
TfdsFolder read_tfds_folder(const Path& version_folder);

}  // namespace magma
