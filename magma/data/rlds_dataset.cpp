#include "magma/data/rlds_dataset.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

#include "magma/core/error.h"
#include "magma/data/tfds_features.h"
#include "magma/data/tfds_info.h"
#include "magma/data/tfds_value.h"

namespace magma {
namespace {

constexpr const char* kFeaturesFile = "features.json";
constexpr const char* kInfoFile = "dataset_info.json";

// The feature that says how many steps an episode has: one that every RLDS data set has, else the plainest.
size_t find_step_counter(const std::vector<TfdsFeature>& features, const std::string& file) {
  constexpr size_t kNone = SIZE_MAX;
  size_t found = kNone;
  for (size_t i = 0; i < features.size(); ++i) {
    const TfdsFeature& feature = features[i];
    if (!feature.shown.per_step || feature.levels != 1) continue;
    if (feature.shown.key == "steps/is_first" && feature.shape.empty()) return i;
    const bool encoded = feature.storage != TfdsFeature::Storage::Plain;
    const bool plain = std::all_of(feature.shape.begin(), feature.shape.end(), [](int64_t size) { return size > 0; });
    if (found == kNone && (encoded || plain)) found = i;
  }
  if (found != kNone) return found;
  throw Error(ErrorCode::Malformed,
              {.file = file, .what = "not a data set of episodes", .expected = "a feature \"steps\""});
}

bool is_step_text(const TfdsFeature& feature) {
  const Element element = feature.shown.element;
  return feature.shown.per_step && feature.levels == 1 && feature.shape.empty() &&
         (element == Element::String || element == Element::Image);
}

}  // namespace

struct RldsDataset::State {
  std::string name;
  std::vector<TfdsFeature> stored;
  std::vector<RldsFeature> features;
  std::vector<RldsSplit> splits;
  std::unordered_map<std::string_view, size_t> by_key;  // views of `features`
  size_t step_counter = 0;

  const Path& shard(const EpisodePlace& place) const { return splits.at(place.split).shards.at(place.shard); }
  size_t find(std::string_view key) const {
    const auto found = by_key.find(key);
    return found == by_key.end() ? SIZE_MAX : found->second;
  }
  static Episode episode(std::shared_ptr<const State> dataset, const EpisodePlace& place, const RecordBytes& record);
};

struct Episode::State {
  std::shared_ptr<const void> owner;  // of the data set, which the next two lie in
  const std::vector<TfdsFeature>* features = nullptr;
  const std::unordered_map<std::string_view, size_t>* by_key = nullptr;
  Path file;
  int64_t record = 0;
  RecordBytes bytes;
  Example example;
  int64_t steps = 0;
  std::vector<std::vector<std::string_view>> texts;  // of each feature that has one string a step

  const TfdsFeature& feature(std::string_view key) const {
    const auto found = by_key->find(key);
    if (found != by_key->end()) return (*features)[found->second];
    throw in_record(Error(ErrorCode::Malformed,
                          {.where = fmt::format("feature {}", key), .what = "no such feature in features.json"}),
                    file, record);
  }
};

Episode RldsDataset::State::episode(std::shared_ptr<const State> dataset, const EpisodePlace& place,
                                    const RecordBytes& record) {
  auto state = std::make_shared<Episode::State>();
  state->features = &dataset->stored;
  state->by_key = &dataset->by_key;
  state->file = dataset->shard(place);
  state->record = place.record;
  state->bytes = record;
  try {
    state->example = parse_example(record.view());
    state->steps = count_steps(dataset->stored[dataset->step_counter], state->example);
  } catch (const Error& error) {
    throw in_record(error, state->file, place.record);
  }
  state->texts.resize(dataset->stored.size());
  for (size_t i = 0; i < dataset->stored.size(); ++i) {
    const TfdsFeature& feature = dataset->stored[i];
    const ExampleFeature* found = is_step_text(feature) ? state->example.find(feature.shown.key) : nullptr;
    if (found != nullptr) state->texts[i] = feature_bytes(*found);
  }
  state->owner = std::move(dataset);
  return Episode(std::move(state));
}

int64_t Episode::steps() const { return state_->steps; }

bool Episode::has(std::string_view key) const { return state_->by_key->contains(key); }

StoredValue Episode::value(std::string_view key) const {
  const TfdsFeature& feature = state_->feature(key);
  try {
    return decode_feature(feature, state_->example, state_->steps);
  } catch (const Error& error) {
    throw in_record(error, state_->file, state_->record);
  }
}

std::string_view Episode::text(std::string_view key, int64_t step) const {
  const TfdsFeature& feature = state_->feature(key);
  const std::vector<std::string_view>& texts = state_->texts[static_cast<size_t>(&feature - state_->features->data())];
  if (is_step_text(feature) && static_cast<int64_t>(texts.size()) == state_->steps && step >= 0 &&
      step < state_->steps) {
    return texts[static_cast<size_t>(step)];
  }
  const bool text = is_step_text(feature);
  throw in_record(
      Error(ErrorCode::Malformed, {.where = fmt::format("feature {}, step {}", key, step),
                                   .what = text ? "feature has not as many values as it should" : "feature has no text",
                                   .expected = text ? std::to_string(state_->steps) : "one string a step",
                                   .got = std::to_string(texts.size())}),
      state_->file, state_->record);
}

RldsDataset::RldsDataset(const Path& version_folder) {
  auto state = std::make_shared<State>();
  const Path features = version_folder / kFeaturesFile;
  state->stored = read_tfds_features(features);
  state->step_counter = find_step_counter(state->stored, features.string());
  TfdsFolder folder = read_tfds_folder(version_folder);
  state->name = std::move(folder.name);
  state->splits = std::move(folder.splits);
  for (const TfdsFeature& feature : state->stored) state->features.push_back(feature.shown);
  for (size_t i = 0; i < state->features.size(); ++i) state->by_key.emplace(state->features[i].key, i);
  state_ = std::move(state);
}

const std::string& RldsDataset::name() const { return state_->name; }
const std::vector<RldsFeature>& RldsDataset::features() const { return state_->features; }
const std::vector<RldsSplit>& RldsDataset::splits() const { return state_->splits; }

std::vector<EpisodePlace> RldsDataset::places(size_t split) const {
  std::vector<EpisodePlace> places;
  for (size_t shard = 0; shard < splits().at(split).shards.size(); ++shard) {
    EpisodeReader reader(*this, split, shard);
    while (reader.skip()) places.push_back(reader.place());
  }
  return places;
}

Episode RldsDataset::read(const EpisodePlace& place) const {
  return State::episode(state_, place, read_tfrecord_at(state_->shard(place), place.record, place.offset));
}

EpisodeReader::EpisodeReader(const RldsDataset& dataset, size_t split, size_t shard)
    : dataset_(dataset.state_),
      split_(split),
      shard_(shard),
      records_(dataset_->splits.at(split).shards.at(shard), true) {}

bool EpisodeReader::next() {
  if (records_.next()) return true;
  check_count();
  return false;
}

bool EpisodeReader::skip() {
  if (records_.skip()) return true;
  check_count();
  return false;
}

void EpisodeReader::check_count() const {
  const RldsSplit& split = dataset_->splits[split_];
  const int64_t expected = split.shard_lengths[shard_];
  if (records_.record() == expected) return;
  throw Error(ErrorCode::Malformed, {.file = split.shards[shard_].string(),
                                     .where = fmt::format("record {}", records_.record()),
                                     .what = "shard has not as many records as dataset_info.json says",
                                     .expected = std::to_string(expected),
                                     .got = std::to_string(records_.record())});
}

EpisodePlace EpisodeReader::place() const {
  return {split_, shard_, records_.record(), records_.offset(), records_.bytes()};
}

Episode EpisodeReader::episode() const { return RldsDataset::State::episode(dataset_, place(), records_.data()); }

void EpisodeReader::refuse_unknown_features() const {
  std::vector<std::string> known;
  for (const TfdsFeature& feature : dataset_->stored) {
    for (std::string& key : stored_keys(feature)) known.push_back(std::move(key));
  }
  std::sort(known.begin(), known.end());
  for (const auto& [name, feature] : parse_example(records_.data().view()).features) {
    if (std::binary_search(known.begin(), known.end(), name)) continue;
    throw in_record(Error(ErrorCode::Malformed,
                          {.where = fmt::format("feature {}", name), .what = "no such feature in features.json"}),
                    dataset_->shard(place()), records_.record());
  }
}

bool is_rlds_folder(const Path& folder) {
  std::error_code unreadable;
  return std::filesystem::is_regular_file(folder / kFeaturesFile, unreadable) &&
         std::filesystem::is_regular_file(folder / kInfoFile, unreadable);
}

}  // namespace magma
