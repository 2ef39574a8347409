#include <algorithm>
#include <cstring>

#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "magma/data/example_proto.h"
#include "magma/data/tfds_features.h"
#include "magma/data/tfds_info.h"
#include "magma/data/tfds_value.h"
#include "magma/data/tfrecord.h"
#include "tests/fuzz/fuzz_target.h"

namespace magma {
namespace {

// The same records, as far as their lengths fit, with the sums that belong to them: else hardly any is read.
std::string with_right_sums(std::string_view bytes) {
  std::string healed;
  while (bytes.size() >= kTfRecordFraming) {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    length %= bytes.size() - kTfRecordFraming + 1;
    healed += frame_tfrecord(bytes.substr(12, length));
    bytes.remove_prefix(kTfRecordFraming + length);
  }
  return healed + std::string(bytes);
}

struct ReadRecord {
  int64_t offset;
  std::string data;
};

std::vector<ReadRecord> records_of(const Path& path) {
  std::vector<ReadRecord> records;
  unless_refused([&] {
    TfRecordReader reader(path);
    while (reader.next()) {
      demand(reader.record() == static_cast<int64_t>(records.size()), "records are numbered one after another");
      records.push_back({reader.offset(), std::string(reader.data().view())});
      demand(static_cast<int64_t>(records.back().data.size()) == reader.bytes(), "a record is as long as it says");
    }
    return 0;
  });
  return records;
}

void demand_equal(const Example& a, const Example& b) {
  for (const auto& [name, feature] : a.features) {
    if (feature.kind == ExampleFeature::Kind::None) continue;
    const ExampleFeature* other = b.find(name);
    demand(other != nullptr && other->kind == feature.kind && other->count == feature.count, "a feature reads back");
    demand(feature_bytes(feature) == feature_bytes(*other) && feature_ints(feature) == feature_ints(*other) &&
               feature_float_bytes(feature) == feature_float_bytes(*other),
           "values read back the same");
  }
}

void demand_counted(const ExampleFeature& feature) {
  const auto count = static_cast<size_t>(feature.count);
  using Kind = ExampleFeature::Kind;
  demand(feature_bytes(feature).size() == (feature.kind == Kind::Bytes ? count : 0), "strings are counted");
  demand(feature_ints(feature).size() == (feature.kind == Kind::Ints ? count : 0), "integers are counted");
  demand(feature_float_bytes(feature).size() == (feature.kind == Kind::Floats ? 4 * count : 0), "floats are counted");
}

std::string written(const Example& example) {
  ExampleWriter writer;
  for (const auto& [name, feature] : example.features) {
    if (feature.kind == ExampleFeature::Kind::Bytes) writer.add_bytes(name, feature_bytes(feature));
    if (feature.kind == ExampleFeature::Kind::Ints) writer.add_ints(name, feature_ints(feature));
    if (feature.kind == ExampleFeature::Kind::Floats) writer.add_floats(name, feature_float_bytes(feature));
  }
  return writer.take();
}

void demand_whole(const StoredValue& value) {
  const auto count = static_cast<size_t>(value.count());
  const auto number_bytes = static_cast<size_t>(element_bytes(value.element));
  demand(value.bytes.size() == count * number_bytes, "numbers fill their shape");
  demand(value.strings.size() == (number_bytes == 0 ? count : 0), "strings fill their shape");
  size_t rows = 0;
  for (size_t level = 0; level < value.row_lengths.size(); ++level) {
    demand(level == 0 || value.row_lengths[level].size() == rows, "rows hold those of the next level");
    rows = 0;
    for (const int64_t length : value.row_lengths[level]) {
      demand(length >= 0, "a row has a length");
      rows += static_cast<size_t>(length);
    }
  }
}

}  // namespace

void fuzz_tfrecord(std::string_view bytes) {
  for (const std::string& given : {std::string(bytes), with_right_sums(bytes)}) {
    const Path path = fuzz_file("tfrecord", "some.tfrecord", given);
    const std::vector<ReadRecord> records = records_of(path);
    int64_t next = 0;
    for (const ReadRecord& record : records) {
      demand(record.offset == next, "records lie one behind another");
      next += kTfRecordFraming + static_cast<int64_t>(record.data.size());
    }
    const bool plain = next <= static_cast<int64_t>(given.size()) && !records.empty() &&
                       given.starts_with(frame_tfrecord(records[0].data));
    for (size_t i = 0; plain && i < records.size(); ++i) {
      const RecordBytes again = read_tfrecord_at(path, static_cast<int64_t>(i), records[i].offset);
      demand(again.view() == records[i].data, "a record is found again by its offset");
    }
  }
}

void fuzz_example(std::string_view bytes) {
  unless_refused([&] { return has_feature_lists(bytes); });
  if (const auto sequence = unless_refused([&] { return parse_sequence_example(bytes); })) {
    for (const auto& [name, features] : sequence->lists) {
      for (const ExampleFeature& feature : features) demand_counted(feature);
    }
  }
  const auto example = unless_refused([&] { return parse_example(bytes); });
  if (!example) return;
  for (const auto& [name, feature] : example->features) demand_counted(feature);
  const std::string again = written(*example);
  const Example parsed = parse_example(again);
  demand_equal(*example, parsed);
  demand(written(parsed) == again, "what is written once is written the same again");
}

void fuzz_tfds_features(std::string_view bytes) {
  const size_t zero = std::min(bytes.find('\0'), bytes.size());
  const auto json = unless_refused([&] { return parse_json(bytes.substr(0, zero), "features.json"); });
  if (!json) return;
  const auto features = unless_refused([&] { return parse_tfds_features(*json, "features.json"); });
  if (!features) return;
  std::vector<std::string> keys;
  for (const TfdsFeature& feature : *features) {
    demand(!stored_keys(feature).empty(), "a feature is stored under a key");
    keys.push_back(feature.shown.key);
  }
  demand(std::is_sorted(keys.begin(), keys.end()), "features are in the order of their keys");
  const std::string record(bytes.substr(std::min(zero + 1, bytes.size())));
  const auto example = unless_refused([&] { return parse_example(record); });
  if (!example) return;
  int64_t steps = 0;
  for (const TfdsFeature& feature : *features) {
    if (feature.shown.key != "steps/is_first") continue;
    const auto counted = unless_refused([&] { return count_steps(feature, *example); });
    if (counted) steps = *counted;
  }
  for (const TfdsFeature& feature : *features) {
    if (const auto value = unless_refused([&] { return decode_feature(feature, *example, steps); })) {
      demand_whole(*value);
      if (!feature.shown.per_step) continue;
      const bool rows = !value->row_lengths.empty();
      const int64_t outermost = rows ? static_cast<int64_t>(value->row_lengths[0].size()) : value->shape.at(0);
      demand(outermost == steps, "what is per step has a value a step");
    }
  }
}

void fuzz_tfds_info(std::string_view bytes) {
  const auto json = unless_refused([&] { return parse_json(bytes, "dataset_info.json"); });
  if (!json) return;
  const auto info = unless_refused([&] { return parse_tfds_info(*json, "dataset_info.json"); });
  if (!info) return;
  for (const TfdsSplit& split : info->splits) {
    for (const int64_t length : split.shard_lengths) demand(length >= 0, "a shard has a length");
    for (size_t shard = 0; shard < std::min<size_t>(split.shard_lengths.size(), 3); ++shard) {
      const auto name = unless_refused([&] { return shard_name(split, info->name, shard); });
      demand(!name || (name->find('/') == std::string::npos && *name != ".." && !name->empty()),
             "a shard lies in its folder");
    }
  }
}

}  // namespace magma
