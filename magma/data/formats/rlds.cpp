// RLDS: a TFDS version folder of robot episodes, a line per episode.
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "magma/data/rlds_dataset.h"
#include "magma/data/sample.h"
#include "magma/data/stored_format.h"
#include "magma/data/stored_value.h"
#include "magma/image/codec.h"
#include "magma/image/image_header.h"

namespace magma {
namespace {

std::vector<size_t> chosen_splits(const RldsDataset& dataset, const Path& source, const std::string& wanted) {
  std::vector<size_t> chosen;
  std::string known;
  for (size_t i = 0; i < dataset.splits().size(); ++i) {
    const std::string& name = dataset.splits()[i].name;
    if (wanted.empty() || name == wanted) chosen.push_back(i);
    known += (known.empty() ? "" : ", ") + name;
  }
  if (wanted.empty() || !chosen.empty()) return chosen;
  if (wanted == "all") return chosen_splits(dataset, source, "");
  throw Error(ErrorCode::Usage,
              {.file = source.string(), .where = "--split", .what = "no such split", .expected = known, .got = wanted});
}

std::string line_of(const RldsDataset& dataset, const EpisodePlace& place, const Episode& episode, int64_t number,
                    int64_t most_elements) {
  const RldsSplit& split = dataset.splits()[place.split];
  Origin origin;
  origin.file = split.shards[place.shard].filename().string();
  origin.record = place.record;
  std::string line = R"({"origin":)";
  append_json(line, origin);
  line += R"(,"split":)";
  append_json_text(line, split.name);
  line += fmt::format(R"(,"episode":{},"steps":{},"features":{{)", number, episode.steps());
  const char* separator = "";
  for (const RldsFeature& feature : dataset.features()) {
    line += separator;
    append_json_text(line, feature.key);
    line += ':';
    const StoredValue value = episode.value(feature.key);
    try {
      append_json(line, value, most_elements);
    } catch (const Error& error) {
      throw in_record(error.with_where("feature " + feature.key), split.shards[place.shard], place.record);
    }
    separator = ",";
  }
  return line + "}}";
}

// What is wrong with one episode; nothing is returned, the first fault is thrown without file and record.
class EpisodeCheck {
 public:
  EpisodeCheck(const RldsDataset& dataset, const Episode& episode) : dataset_(dataset), episode_(episode) {}

  void run() const {
    if (episode_.steps() == 0) fail("episode has no steps", "steps");
    for (const RldsFeature& feature : dataset_.features()) {
      const StoredValue value = episode_.value(feature.key);
      if (feature.element == Element::Image) check_pictures(feature, value);
      if (feature.key == "steps/action" || feature.key.starts_with("steps/action/")) check_finite(feature, value);
      if (feature.key == "steps/is_first") check_flag(feature, value, 0);
      if (feature.key == "steps/is_last") check_flag(feature, value, episode_.steps() - 1);
    }
  }

 private:
  [[noreturn]] static void fail(const char* what, std::string where, std::string expected = {}, std::string got = {}) {
    throw Error(ErrorCode::Malformed,
                {.where = std::move(where), .what = what, .expected = std::move(expected), .got = std::move(got)});
  }

  static std::string place(const RldsFeature& feature, size_t value, size_t steps) {
    const bool by_step = feature.per_step && feature.ragged_levels == 0 && steps > 0;
    return fmt::format("feature {}, {} {}", feature.key, by_step ? "step" : "item", value);
  }

  void check_pictures(const RldsFeature& feature, const StoredValue& value) const {
    for (size_t i = 0; i < value.strings.size(); ++i) {
      const std::string& bytes = value.strings[i];
      if (bytes.empty()) continue;  // a camera that is not there
      const std::optional<ImageHeader> header = read_image_header(bytes);
      if (header) require_size(feature, header->size, place(feature, i, value.strings.size()));
      if (header && (header->format == "gif" || header->format == "bmp")) continue;  // no decoder is trusted with them
      try {
        decode_image(bytes, "");
      } catch (const Error& error) {
        ErrorFields fields = error.fields();
        fields.where = place(feature, i, value.strings.size());
        throw Error(error.code(), fields);
      }
    }
  }

  static void require_size(const RldsFeature& feature, Size size, std::string where) {
    const std::vector<int64_t>& shape = feature.picture;
    if (shape.size() < 3) return;
    const int64_t height = shape[shape.size() - 3], width = shape[shape.size() - 2];
    if ((height < 0 || height == size.h) && (width < 0 || width == size.w)) return;
    fail("picture has another size than features.json says", std::move(where),
         fmt::format("{} high, {} wide", height, width), fmt::format("{} high, {} wide", size.h, size.w));
  }

  void check_finite(const RldsFeature& feature, const StoredValue& value) const {
    if (value.element != Element::F32 && value.element != Element::F64) return;
    const auto size = static_cast<size_t>(element_bytes(value.element));
    const size_t count = value.bytes.size() / size, steps = static_cast<size_t>(episode_.steps());
    for (size_t i = 0; i < count; ++i) {
      double number = 0;
      float narrow = 0;
      if (value.element == Element::F64) {
        std::memcpy(&number, value.bytes.data() + i * size, size);
      } else {
        std::memcpy(&narrow, value.bytes.data() + i * size, size);
        number = narrow;
      }
      if (!std::isfinite(number)) {
        fail("action is not a number", place(feature, i / std::max<size_t>(count / steps, 1), steps), "a finite number",
             std::isnan(number) ? "NaN" : "infinity");
      }
    }
  }

  // True at `step` and nowhere else.
  static void check_flag(const RldsFeature& feature, const StoredValue& value, int64_t step) {
    for (size_t i = 0; i < value.bytes.size() && value.element == Element::Bool; ++i) {
      const bool expected = static_cast<int64_t>(i) == step;
      if ((value.bytes[i] != 0) == expected) continue;
      fail(expected ? "end of the episode is not marked" : "end of the episode is marked within it",
           place(feature, i, value.bytes.size()), expected ? "true" : "false", expected ? "false" : "true");
    }
  }

  const RldsDataset& dataset_;
  const Episode& episode_;
};

class RldsFormat final : public StoredFormat {
 public:
  static constexpr const char* kSummary = "TFDS version folder of robot episodes (RLDS)";

  bool recognises(const Path& source) const override { return is_rlds_folder(source); }

  void show(const Path& source, const ShowRange& range,
            const std::function<bool(const std::string&)>& line) const override {
    const RldsDataset dataset(source);
    int64_t leave_out = range.from, left = range.count;
    for (const size_t split : chosen_splits(dataset, source, range.split)) {
      int64_t number = 0;
      for (size_t shard = 0; shard < dataset.splits()[split].shards.size(); ++shard) {
        const int64_t length = dataset.splits()[split].shard_lengths[shard];
        if (leave_out >= length) {  // a shard that is not shown at all is not read
          leave_out -= length;
          number += length;
          continue;
        }
        EpisodeReader reader(dataset, split, shard);
        for (; leave_out > 0 && reader.skip(); --leave_out) ++number;
        while (left != 0 && reader.next()) {
          if (!line(line_of(dataset, reader.place(), reader.episode(), number, range.most_elements))) return;
          ++number;
          --left;
        }
        if (left == 0) return;
      }
    }
  }

  int64_t check(const Path& source, const CheckEvents& events) const override {
    const RldsDataset dataset(source);
    int64_t records = 0, expected = 0;
    for (const RldsSplit& split : dataset.splits()) {
      for (const int64_t length : split.shard_lengths) expected += length;
    }
    events.expect(expected);
    for (size_t split = 0; split < dataset.splits().size(); ++split) {
      for (size_t shard = 0; shard < dataset.splits()[split].shards.size(); ++shard) {
        EpisodeReader reader(dataset, split, shard);
        while (next(reader, records, events)) check_record(dataset, reader, events);
      }
    }
    return records;
  }

 private:
  // Counts the records it comes by; those whose data is damaged are bad and passed over.
  static bool next(EpisodeReader& reader, int64_t& records, const CheckEvents& events) {
    for (;;) {
      try {
        const bool more = reader.next();
        records += more ? 1 : 0;
        return more;
      } catch (const Error& error) {
        if (reader.lost()) throw;
        ++records;
        events.bad(error);
        events.record();
      }
    }
  }

  static void check_record(const RldsDataset& dataset, const EpisodeReader& reader, const CheckEvents& events) {
    const EpisodePlace place = reader.place();
    const Path& file = dataset.splits()[place.split].shards[place.shard];
    std::optional<Error> fault;
    try {
      reader.refuse_unknown_features();
      EpisodeCheck(dataset, reader.episode()).run();
    } catch (const Error& error) {
      fault = error.fields().file.empty() ? in_record(error, file, place.record) : error;
    }
    if (fault) events.bad(*fault);
    events.record();
  }
};

MAGMA_REGISTER(StoredFormats, RldsFormat);

}  // namespace
}  // namespace magma
