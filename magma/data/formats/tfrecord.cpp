// TFRecord files, whoever wrote them: a line per Example or SequenceExample.
#include "magma/data/tfrecord.h"

#include <fmt/format.h>

#include "magma/data/example_proto.h"
#include "magma/data/sample.h"
#include "magma/data/stored_format.h"
#include "magma/data/stored_value.h"
#include "magma/image/codec.h"

namespace magma {
namespace {

template <typename Values, typename Append>
void append_list(std::string& out, const Values& values, const Append& append) {
  out += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append(values[i]);
  }
  out += ']';
}

std::vector<float> floats_of(const ExampleFeature& feature) {
  const std::string bytes = feature_float_bytes(feature);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(values.data()));
  return values;
}

void append_feature(std::string& out, const ExampleFeature& feature) {
  out += '{';
  if (feature.kind != ExampleFeature::Kind::None) out += fmt::format("\"{}\":", kind_name(feature.kind));
  if (feature.kind == ExampleFeature::Kind::Bytes) {
    append_list(out, feature_bytes(feature), [&](std::string_view value) { out += '"' + base64(value) + '"'; });
  } else if (feature.kind == ExampleFeature::Kind::Floats) {
    append_list(out, floats_of(feature), [&](float value) { append_json_number(out, value); });
  } else if (feature.kind == ExampleFeature::Kind::Ints) {
    append_list(out, feature_ints(feature), [&](int64_t value) { out += std::to_string(value); });
  }
  out += '}';
}

template <typename Map, typename Append>
void append_map(std::string& out, const Map& map, const Append& append) {
  out += '{';
  const char* separator = "";
  for (const auto& [name, value] : map) {
    out += separator;
    append_json_text(out, name);
    out += ':';
    append(value);
    separator = ",";
  }
  out += '}';
}

// The features, and for a SequenceExample also "lists": a list of features under each name.
void append_record(std::string& out, std::string_view record) {
  const auto append = [&](const ExampleFeature& feature) { append_feature(out, feature); };
  if (!has_feature_lists(record)) {
    append_map(out, parse_example(record).features, append);
    return;
  }
  const SequenceExample example = parse_sequence_example(record);
  append_map(out, example.context.features, append);
  out += R"(,"lists":)";
  append_map(out, example.lists,
             [&](const std::vector<ExampleFeature>& features) { append_list(out, features, append); });
}

class TfRecordFormat final : public StoredFormat {
 public:
  static constexpr const char* kSummary = "TFRecord file of Examples, plain, GZIP or ZLIB";

  bool recognises(const Path& source) const override {
    return source.filename().string().find(".tfrecord") != std::string::npos && !std::filesystem::is_directory(source);
  }

  void show(const Path& source, const ShowRange& range,
            const std::function<bool(const std::string&)>& line) const override {
    TfRecordReader reader(source);
    for (int64_t left = range.from; left > 0; --left) {
      if (!reader.skip()) return;
    }
    for (int64_t shown = 0; (range.count < 0 || shown < range.count) && reader.next(); ++shown) {
      Origin origin;
      origin.file = source.filename().string();
      origin.record = reader.record();
      origin.offset = reader.offset();
      std::string text = R"({"origin":)";
      append_json(text, origin);
      text += R"(,"value":)";
      try {
        append_record(text, reader.data().view());
      } catch (const Error& error) {
        throw in_record(error, source, reader.record());
      }
      if (!line(text + '}')) return;
    }
  }

  int64_t check(const Path& source, const CheckEvents& events) const override {
    TfRecordReader reader(source);
    int64_t records = 0;
    while (next(reader, records, events)) {
      try {
        const std::string_view record = reader.data().view();
        has_feature_lists(record) ? void(parse_sequence_example(record)) : void(parse_example(record));
      } catch (const Error& error) {
        events.bad(in_record(error, source, reader.record()));
      }
      events.record();
    }
    return records;
  }

 private:
  // Counts the records it comes by; those whose data is damaged are bad and passed over.
  static bool next(TfRecordReader& reader, int64_t& records, const CheckEvents& events) {
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
};

MAGMA_REGISTER(StoredFormats, TfRecordFormat);

}  // namespace
}  // namespace magma
