#include "magma/data/rlds_writer.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/json.h"
#include "magma/data/example_proto.h"
#include "magma/data/tfds_info.h"
#include "magma/data/tfrecord.h"

namespace magma {
namespace {

constexpr const char* kClasses = "tensorflow_datasets.core.features.";

struct OpenSplit {
  TfdsSplit facts;
  int64_t bytes = 0;
  std::vector<Path> shards;  // under names without the number of shards
  std::unique_ptr<AtomicFile> open;
};

Json node(const std::string& class_name, const char* content_key, Json content) {
  return {{"pythonClassName", kClasses + class_name}, {content_key, std::move(content)}};
}

Json shape_json(const std::vector<int64_t>& shape) {
  Json json = Json::object();
  for (const int64_t size : shape) json["dimensions"].push_back(std::to_string(size));
  return json;
}

Json leaf_json(const WrittenFeature& feature) {
  if (feature.element == Element::Image) {
    return node("image_feature.Image", "image",
                {{"shape", shape_json(feature.shape)}, {"dtype", "uint8"}, {"encodingFormat", feature.format}});
  }
  if (feature.element == Element::String && feature.shape.empty()) {
    return node("text_feature.Text", "text", Json::object());
  }
  const std::string class_name = feature.shape.empty() ? "scalar.Scalar" : "tensor_feature.Tensor";
  const std::string dtype = feature.element == Element::String ? "string" : std::string(element_name(feature.element));
  return node(class_name, "tensor", {{"shape", shape_json(feature.shape)}, {"dtype", dtype}, {"encoding", "none"}});
}

// The features whose paths begin alike, from `depth` on.
Json dictionary_json(const std::vector<const WrittenFeature*>& features, size_t depth) {
  std::map<std::string, std::vector<const WrittenFeature*>> groups;
  for (const WrittenFeature* feature : features) groups[feature->path.at(depth)].push_back(feature);
  Json members = Json::object();
  for (const auto& [name, group] : groups) {
    const bool leaf = group.size() == 1 && group.front()->path.size() == depth + 1;
    Json member = leaf ? leaf_json(*group.front()) : dictionary_json(group, depth + 1);
    if (depth == 0 && name == "steps") {
      member = node("dataset_feature.Dataset", "sequence", {{"feature", std::move(member)}, {"length", "-1"}});
    }
    members[name] = std::move(member);
  }
  return node("features_dict.FeaturesDict", "featuresDict", {{"features", std::move(members)}});
}

int64_t load_integer(const char* at, size_t bytes, bool is_signed) {
  int64_t value = 0;
  if (is_signed && (at[bytes - 1] & 0x80) != 0) value = -1;
  std::memcpy(&value, at, bytes);
  return value;
}

std::vector<int64_t> integers_of(const StoredValue& value) {
  const auto bytes = static_cast<size_t>(element_bytes(value.element));
  const bool is_signed = value.element >= Element::I8 && value.element <= Element::I64;
  std::vector<int64_t> numbers;
  for (size_t at = 0; at + bytes <= value.bytes.size(); at += bytes) {
    numbers.push_back(load_integer(value.bytes.data() + at, bytes, is_signed));
  }
  return numbers;
}

std::string floats_of(const StoredValue& value) {
  if (value.element == Element::F32) return value.bytes;
  MAGMA_CHECK(value.element == Element::F64, "kind of number that is not written");
  std::string floats;
  for (size_t at = 0; at + sizeof(double) <= value.bytes.size(); at += sizeof(double)) {
    double wide = 0;
    std::memcpy(&wide, value.bytes.data() + at, sizeof wide);
    const auto narrow = static_cast<float>(wide);
    floats.append(reinterpret_cast<const char*>(&narrow), sizeof narrow);
  }
  return floats;
}

void append_values(ExampleWriter& example, const std::string& key, const StoredValue& value) {
  if (value.element == Element::String || value.element == Element::Image) {
    example.add_bytes(key, {value.strings.begin(), value.strings.end()});
  } else if (value.element <= Element::U64) {
    example.add_ints(key, integers_of(value));
  } else {
    example.add_floats(key, floats_of(value));
  }
}

void check_shape(const WrittenFeature& feature, const StoredValue& value, int64_t& steps) {
  std::vector<int64_t> shape;
  if (feature.path.front() == "steps") {
    MAGMA_CHECK(!value.shape.empty(), "a feature of the steps has a leading T");
    if (steps < 0) steps = value.shape.front();
    shape.push_back(steps);
  }
  if (feature.element != Element::Image) shape.insert(shape.end(), feature.shape.begin(), feature.shape.end());
  MAGMA_CHECK(value.element == feature.element && value.shape == shape, "a value has the shape of its feature");
  const bool text = value.element == Element::String || value.element == Element::Image;
  const auto held = static_cast<int64_t>(text ? value.strings.size() : value.bytes.size());
  MAGMA_CHECK(held == value.count() * (text ? 1 : element_bytes(value.element)), "a value fills its shape");
}

}  // namespace

std::string WrittenFeature::key() const { return fmt::format("{}", fmt::join(path, "/")); }

struct RldsWriter::State {
  Path folder;
  std::string name;
  std::vector<WrittenFeature> features;
  int64_t episodes_per_shard;
  StagingFolder staging;
  std::vector<OpenSplit> splits;

  State(const Path& version_folder, std::string dataset, std::vector<WrittenFeature> written, int64_t per_shard)
      : folder(version_folder),
        name(std::move(dataset)),
        features(std::move(written)),
        episodes_per_shard(per_shard),
        staging(folder.parent_path()) {}

  Path staged() const { return staging.path() / folder.filename(); }

  OpenSplit& split(const std::string& wanted) {
    for (OpenSplit& open : splits) {
      if (open.facts.name == wanted) return open;
    }
    splits.push_back({{wanted, {}, {}}, 0, {}, nullptr});
    return splits.back();
  }

  static void close(OpenSplit& open) {
    if (open.open) open.open->commit(false);
    open.open.reset();
  }

  AtomicFile& shard(OpenSplit& open) {
    std::vector<int64_t>& lengths = open.facts.shard_lengths;
    if (open.open && lengths.back() < episodes_per_shard) return *open.open;
    close(open);
    open.shards.push_back(staged() / fmt::format("{}.{}.shard", open.facts.name, lengths.size()));
    open.open = std::make_unique<AtomicFile>(open.shards.back());
    lengths.push_back(0);
    return *open.open;
  }

  Json info() const {
    Json all = Json::array();
    for (const OpenSplit& open : splits) {
      Json lengths = Json::array();
      for (const int64_t length : open.facts.shard_lengths) lengths.push_back(std::to_string(length));
      all.push_back({{"name", open.facts.name},
                     {"shardLengths", std::move(lengths)},
                     {"numBytes", std::to_string(open.bytes)},
                     {"filepathTemplate", "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"}});
    }
    return {{"name", name}, {"version", folder.filename().string()}, {"fileFormat", "tfrecord"}, {"splits", all}};
  }
};

RldsWriter::RldsWriter(const Path& version_folder, std::string name, std::vector<WrittenFeature> features,
                       int64_t episodes_per_shard)
    : state_(std::make_unique<State>(version_folder, std::move(name), std::move(features), episodes_per_shard)) {
  std::filesystem::create_directory(state_->staged());
}

RldsWriter::~RldsWriter() = default;

void RldsWriter::add(const std::string& split, const std::map<std::string, StoredValue>& values) {
  ExampleWriter example;
  int64_t steps = -1;
  MAGMA_CHECK(values.size() == state_->features.size(), "an episode has a value for each feature");
  for (const WrittenFeature& feature : state_->features) {
    const auto found = values.find(feature.key());
    MAGMA_CHECK(found != values.end(), "an episode has a value for each feature");
    check_shape(feature, found->second, steps);
    append_values(example, found->first, found->second);
  }
  const std::string record = frame_tfrecord(example.take());
  OpenSplit& open = state_->split(split);
  state_->shard(open).write(record);
  ++open.facts.shard_lengths.back();
  open.bytes += static_cast<int64_t>(record.size()) - kTfRecordFraming;
}

void RldsWriter::commit() {
  State& state = *state_;
  for (OpenSplit& open : state.splits) {
    State::close(open);
    for (size_t i = 0; i < open.shards.size(); ++i) {
      std::filesystem::rename(open.shards[i], state.staged() / shard_name(open.facts, state.name, i));
    }
  }
  std::vector<const WrittenFeature*> features;
  for (const WrittenFeature& feature : state.features) features.push_back(&feature);
  write_file_atomically(state.staged() / "features.json", dump_json(dictionary_json(features, 0)), false);
  write_file_atomically(state.staged() / "dataset_info.json", dump_json(state.info()), false);
  state.staging.publish(state.folder.filename(), state.folder.filename());
  state.staging.keep_parents();
}

}  // namespace magma
