#include "magma/data/tfds_info.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "magma/core/limits.h"
#include "magma/data/tfds_features.h"

namespace magma {
namespace {

constexpr std::string_view kUsualTemplate = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}";
constexpr const char* kFileFormat = "tfrecord";

std::vector<int64_t> read_shard_lengths(const JsonObject& split, const std::string& file, const std::string& where) {
  std::vector<int64_t> lengths;
  int64_t total = 0;
  for (const Json& json : split.has("shardLengths") ? split.array("shardLengths") : Json::array()) {
    const std::string here = fmt::format("{}/shardLengths/{}", where, lengths.size());
    const std::optional<int64_t> length = json_int64(json);
    if (!length || *length < 0) {
      throw Error(ErrorCode::Malformed,
                  {.file = file, .where = here, .what = "not a number of episodes", .got = json.dump().substr(0, 80)});
    }
    total = checked_add(total, *length, "shardLengths");
    lengths.push_back(*length);
  }
  return lengths;
}

TfdsSplit read_split(const JsonObject& json, const std::string& file, const std::string& where) {
  TfdsSplit split;
  split.name = json.string("name");
  split.shard_lengths = read_shard_lengths(json, file, where);
  split.filename_template = json.optional_string("filepathTemplate").value_or("");
  const bool counted_only = split.shard_lengths.empty() && json.has("numShards") && json.raw()["numShards"] != 0 &&
                            json.raw()["numShards"] != "0";
  if (split.name.empty() || counted_only) {
    throw Error(ErrorCode::Malformed,
                {.file = file,
                 .where = where,
                 .what = split.name.empty() ? "split without a name" : "split without shardLengths",
                 .hint = "write dataset_info.json anew with tensorflow_datasets"});
  }
  return split;
}

std::string shard_number(size_t number, size_t shards) {
  constexpr size_t kLeastDigits = 5;
  return fmt::format("{:0{}}", number, std::max(kLeastDigits, std::to_string(shards).size()));
}

std::string filled_in(std::string_view variable, const TfdsSplit& split, const std::string& dataset, size_t shard) {
  const size_t shards = split.shard_lengths.size();
  if (variable == "DATASET") return dataset;
  if (variable == "SPLIT") return split.name;
  if (variable == "FILEFORMAT") return kFileFormat;
  if (variable == "SHARD_INDEX") return shard_number(shard, shards);
  if (variable == "NUM_SHARDS") return shard_number(shards, shards);
  if (variable == "SHARD_X_OF_Y") return shard_number(shard, shards) + "-of-" + shard_number(shards, shards);
  throw Error(ErrorCode::Malformed, {.where = "/splits/filepathTemplate",
                                     .what = "variable that is not known",
                                     .expected = "DATASET, SPLIT, FILEFORMAT, SHARD_INDEX, NUM_SHARDS, SHARD_X_OF_Y",
                                     .got = std::string(variable)});
}

// "NAME" or "NAME/CONFIG" above the version folder; both may be the name of the data set.
std::vector<std::string> names_of_folder(const Path& version_folder) {
  const Path whole = std::filesystem::absolute(version_folder / "").lexically_normal().parent_path();
  return {whole.parent_path().filename().string(), whole.parent_path().parent_path().filename().string()};
}

// Prefixes P of files "P-SPLIT.tfrecord-00000-of-NNNNN".
std::set<std::string> prefixes_in(const Path& folder, const TfdsSplit& split) {
  const std::string ending = shard_name(split, "", 0);
  std::set<std::string> prefixes;
  std::error_code unreadable;
  for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable)) {
    const std::string name = entry.path().filename().string();
    if (name.size() > ending.size() && name.ends_with(ending)) {
      prefixes.insert(name.substr(0, name.size() - ending.size()));
    }
  }
  return prefixes;
}

RldsSplit locate(const Path& folder, const TfdsSplit& split, const std::string& info_name) {
  std::vector<std::string> names = {info_name};
  for (const std::string& name : names_of_folder(folder)) names.push_back(name);
  if (split.filename_template.empty() && !split.shard_lengths.empty()) {
    const std::set<std::string> prefixes = prefixes_in(folder, split);
    if (prefixes.size() == 1) names.push_back(*prefixes.begin());
  }
  std::string used = info_name;
  for (const std::string& name : names) {
    if (name.empty() || split.shard_lengths.empty()) continue;
    used = name;
    if (std::filesystem::exists(folder / shard_name(split, name, 0))) break;
    used = info_name;
  }
  RldsSplit located{split.name, {}, split.shard_lengths};
  for (size_t shard = 0; shard < split.shard_lengths.size(); ++shard) {
    located.shards.push_back(folder / shard_name(split, used, shard));
    require_readable_file(located.shards.back());
  }
  return located;
}

}  // namespace

TfdsInfo parse_tfds_info(const Json& json, const std::string& file) {
  const JsonObject object(json, file);
  TfdsInfo info;
  info.name = object.string("name");
  const std::string format = object.optional_string("fileFormat").value_or(kFileFormat);
  if (format != kFileFormat && !format.empty()) {
    throw Error(ErrorCode::Refused, {.file = file,
                                     .where = "/fileFormat",
                                     .what = "shards of a format that is not read",
                                     .expected = kFileFormat,
                                     .got = format});
  }
  std::set<std::string> seen;
  const Json& splits = object.has("splits") ? object.array("splits") : Json::array();
  for (size_t i = 0; i < splits.size(); ++i) {
    const std::string where = fmt::format("/splits/{}", i);
    info.splits.push_back(read_split(JsonObject(splits[i], file, where), file, where));
    if (!seen.insert(info.splits.back().name).second) {
      throw Error(ErrorCode::Malformed,
                  {.file = file, .where = where, .what = "split given twice", .got = info.splits.back().name});
    }
  }
  return info;
}

std::string shard_name(const TfdsSplit& split, const std::string& dataset, size_t shard) {
  std::string_view rest = split.filename_template.empty() ? kUsualTemplate : std::string_view(split.filename_template);
  std::string name;
  while (!rest.empty()) {
    const size_t open = std::min(rest.find('{'), rest.size());
    name += rest.substr(0, open);
    rest.remove_prefix(open);
    if (rest.empty()) break;
    const size_t close = rest.find('}');
    if (close == std::string_view::npos) {
      throw Error(ErrorCode::Malformed, {.where = "/splits/filepathTemplate", .what = "variable without its end"});
    }
    name += filled_in(rest.substr(1, close - 1), split, dataset, shard);
    rest.remove_prefix(close + 1);
  }
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    throw Error(ErrorCode::Refused,
                {.where = "/splits", .what = "name of a shard that is not a plain file name", .got = name});
  }
  return name;
}

TfdsFolder read_tfds_folder(const Path& version_folder) {
  const Path file = version_folder / "dataset_info.json";
  const TfdsInfo info = parse_tfds_info(read_json(file), file.string());
  TfdsFolder folder{info.name, {}};
  try {
    for (const TfdsSplit& split : info.splits) folder.splits.push_back(locate(version_folder, split, info.name));
  } catch (const Error& error) {
    throw error.with_file(file.string());
  }
  return folder;
}

}  // namespace magma
