#include "apps/magma/data_facts.h"

#include <numeric>

#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "magma/data/data_source.h"
#include "magma/data/item_file.h"
#include "magma/data/openx_layout.h"
#include "magma/data/rlds_dataset.h"
#include "magma/data/stored_format.h"
#include "magma/data/torch_value.h"

namespace magma {
namespace {

int64_t episodes_of(const RldsSplit& split) {
  return std::accumulate(split.shard_lengths.begin(), split.shard_lengths.end(), int64_t{0});
}

Json rlds_facts(const Path& folder) {
  const RldsDataset dataset(folder);
  Json splits = Json::object(), features = Json::object();
  for (const RldsSplit& split : dataset.splits()) {
    int64_t bytes = 0;
    for (const Path& shard : split.shards) bytes += static_cast<int64_t>(std::filesystem::file_size(shard));
    splits[split.name] = {{"episodes", episodes_of(split)}, {"shards", split.shards.size()}, {"bytes", bytes}};
  }
  for (const RldsFeature& feature : dataset.features()) {
    features[feature.key] = {{"element", element_name(feature.element)}, {"shape", feature.shape}};
    if (!feature.picture.empty()) features[feature.key]["picture"] = feature.picture;
  }
  return {{"kind", "RLDS data set"},
          {"name", dataset.name()},
          {"layout", has_openx_layout(folder) ? openx_dataset_name(folder) : "not known by the folder's name"},
          {"splits", splits},
          {"features", features}};
}

Json tfrecord_facts(const Path& path) {
  TfRecordReader records(path);
  int64_t count = 0, bytes = 0;
  for (; records.skip(); ++count) bytes += records.bytes();
  return {{"kind", "TFRecord file"}, {"records", count}, {"bytes_of_records", bytes}};
}

Json torch_facts(const Path& path) {
  const TorchValue value = read_torch_file(path);
  Json facts = {{"kind", "object saved by torch"}};
  if (value.kind == TorchValue::Kind::List) facts["items"] = value.items.size();
  if (value.kind == TorchValue::Kind::Dict) {
    facts["keys"] = Json::array();
    for (const auto& [key, member] : value.entries) {
      if (key.kind == TorchValue::Kind::String) facts["keys"].push_back(key.text);
    }
  }
  return facts;
}

Json items_facts(const Path& path) {
  const auto items = open_item_file(path);
  Json keys = Json::array();
  const Json first = items->size() > 0 ? items->item(0) : Json();
  for (const auto& [key, value] : first.items()) keys.push_back(key);
  return {{"kind", first.contains("conversations") ? "conversations" : "list of items"},
          {"items", items->size()},
          {"keys_of_first", first.is_object() ? keys : Json::array()}};
}

Json entry_facts(const DataEntry& entry) {
  Json facts = {{"path", entry.path}, {"tag", entry.options.tag}, {"reader", entry.reader}};
  if (entry.stream) {
    facts["dataset"] = entry.options.dataset;
    facts["weight"] = entry.weight;
  }
  if (entry.absent) {
    facts["absent"] = true;
    return facts;
  }
  if (!entry.stream) {
    int64_t bytes = 0;
    for (const Path& file : annotation_files(entry.options.path)) bytes += FileReader(file).size();
    facts["bytes"] = bytes;
    return facts;
  }
  int64_t episodes = 0;
  const RldsDataset dataset(entry.options.path);
  for (const RldsSplit& split : dataset.splits()) episodes += episodes_of(split);
  facts["episodes"] = episodes;
  return facts;
}

Json config_facts(const Path& path) {
  Json entries = Json::array();
  for (const DataEntry& entry : read_data_source(path, {.may_be_absent = true}).entries)
    entries.push_back(entry_facts(entry));
  return {{"kind", "configuration of training data"}, {"entries", entries}};
}

bool begins_with_bracket(const Path& path) {
  const FileReader file(path);
  std::string head(64, ' ');
  head.resize(file.read_at(0, head));
  const size_t first = head.find_first_not_of(" \t\r\n");
  return first != head.npos && head[first] == '[';
}

}  // namespace

std::optional<Json> data_facts(const Path& source) {
  if (std::filesystem::is_directory(source))
    return is_rlds_folder(source) ? std::optional(rlds_facts(source)) : std::nullopt;
  const std::string extension = source.extension().string();
  if (extension == ".yaml" || extension == ".yml") return config_facts(source);
  if (extension == ".pth" || extension == ".pt") return torch_facts(source);
  if (extension == ".json" && begins_with_bracket(source)) return items_facts(source);
  if (StoredFormats::make("tfrecord")->recognises(source)) return tfrecord_facts(source);
  return std::nullopt;
}

}  // namespace magma
