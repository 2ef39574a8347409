#include "magma/data/example_proto.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "magma/core/error.h"
#include "magma/core/utf8.h"

namespace magma {
namespace {

enum Wire : uint32_t { kVarint = 0, kFixed64 = 1, kLength = 2, kGroup = 3, kGroupEnd = 4, kFixed32 = 5 };
constexpr size_t kFloatBytes = 4;

[[noreturn]] void malformed(std::string what, std::string where = {}) {
  throw Error(ErrorCode::Malformed, {.where = std::move(where), .what = std::move(what)});
}

struct Field {
  uint32_t number = 0;
  uint32_t wire = kVarint;
  uint64_t varint = 0;
  std::string_view bytes{};  // of kLength, kFixed32 and kFixed64
};

// The fields of one message, one after another.
class WireReader {
 public:
  // `record` is what places are counted in.
  WireReader(std::string_view message, std::string_view record) : left_(message), record_(record) {}

  bool done() const { return left_.empty(); }

  Field next() {
    Field field;
    const uint64_t tag = varint();
    field.number = static_cast<uint32_t>(tag >> 3U);
    field.wire = static_cast<uint32_t>(tag & 7U);
    constexpr uint64_t kLargestTag = 0xFFFFFFFF;
    if (field.number == 0 || tag > kLargestTag) fail("no such field of a message");
    if (field.wire == kGroup || field.wire == kGroupEnd) fail("groups are not read");
    if (field.wire == kVarint) {
      field.varint = varint();
    } else if (field.wire == kFixed64) {
      field.bytes = take(sizeof(uint64_t));
    } else if (field.wire == kFixed32) {
      field.bytes = take(sizeof(uint32_t));
    } else if (field.wire == kLength) {
      field.bytes = take(varint());
    } else {
      fail("no such wire type");
    }
    return field;
  }

  uint64_t varint() {
    constexpr size_t kMostBytes = 10;
    uint64_t value = 0;
    for (size_t i = 0; i < left_.size() && i < kMostBytes; ++i) {
      const auto byte = static_cast<unsigned char>(left_[i]);
      if (i == kMostBytes - 1 && byte > 1) break;
      value |= uint64_t{byte & 0x7FU} << (7 * i);
      if (byte < 0x80U) {
        left_.remove_prefix(i + 1);
        return value;
      }
    }
    fail(left_.size() < kMostBytes ? "message is cut in a number" : "number of more than 64 bits");
  }

  [[noreturn]] void fail(const char* what) const {
    malformed(what, fmt::format("byte {} of the record", left_.data() - record_.data()));
  }

 private:
  std::string_view take(uint64_t bytes) {
    if (bytes > left_.size()) fail("message is cut");
    const std::string_view taken = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return taken;
  }

  std::string_view left_, record_;
};

void demand_wire(const Field& field, uint32_t wire, const WireReader& reader) {
  if (field.wire != wire) reader.fail("field of the wrong wire type");
}

// Calls value(field) for each element of a list: a Field of a packed run, or one of its own.
template <typename Each>
void each_value(std::string_view list, std::string_view record, const Each& each) {
  for (WireReader reader(list, record); !reader.done();) {
    const Field field = reader.next();
    if (field.number == 1) each(field, reader);
  }
}

int64_t count_varints(std::string_view packed, std::string_view record) {
  WireReader reader(packed, record);
  int64_t count = 0;
  for (; !reader.done(); ++count) reader.varint();
  return count;
}

// Also proves that the list is sound.
int64_t count_values(ExampleFeature::Kind kind, std::string_view list, std::string_view record) {
  int64_t count = 0;
  each_value(list, record, [&](const Field& field, const WireReader& reader) {
    if (kind == ExampleFeature::Kind::Bytes) {
      demand_wire(field, kLength, reader);
      ++count;
    } else if (kind == ExampleFeature::Kind::Floats) {
      if (field.wire != kFixed32) demand_wire(field, kLength, reader);
      if (field.bytes.size() % kFloatBytes != 0) reader.fail("packed floats are cut");
      count += static_cast<int64_t>(field.bytes.size() / kFloatBytes);
    } else if (field.wire == kVarint) {
      ++count;
    } else {
      demand_wire(field, kLength, reader);
      count += count_varints(field.bytes, record);
    }
  });
  return count;
}

// A message that may be given once: protobuf would merge two, which no writer makes.
void give_once(std::string_view& message, bool& given, const Field& field, const WireReader& reader) {
  demand_wire(field, kLength, reader);
  if (given) reader.fail("field given twice");
  message = field.bytes;
  given = true;
}

ExampleFeature parse_feature(std::string_view message, std::string_view record) {
  ExampleFeature feature;
  bool given = false;
  for (WireReader reader(message, record); !reader.done();) {
    const Field field = reader.next();
    if (field.number > 3) continue;
    give_once(feature.list, given, field, reader);
    feature.kind = static_cast<ExampleFeature::Kind>(field.number);
    feature.count = count_values(feature.kind, feature.list, record);
  }
  return feature;
}

std::vector<ExampleFeature> parse_feature_list(std::string_view message, std::string_view record) {
  std::vector<ExampleFeature> features;
  each_value(message, record, [&](const Field& field, const WireReader& reader) {
    demand_wire(field, kLength, reader);
    features.push_back(parse_feature(field.bytes, record));
  });
  return features;
}

// A map<string, Value> in field 1 of `message`, sorted by name.
template <typename Value, typename Parse>
std::vector<std::pair<std::string_view, Value>> parse_map(std::string_view message, std::string_view record,
                                                          const Parse& parse) {
  std::vector<std::pair<std::string_view, Value>> map;
  each_value(message, record, [&](const Field& entry, const WireReader& reader) {
    demand_wire(entry, kLength, reader);
    std::string_view name, value;
    bool has_name = false, has_value = false;
    for (WireReader parts(entry.bytes, record); !parts.done();) {
      const Field part = parts.next();
      if (part.number == 1) give_once(name, has_name, part, parts);
      if (part.number == 2) give_once(value, has_value, part, parts);
    }
    if (find_invalid_utf8(name) != std::string_view::npos) reader.fail("name of a feature is not UTF-8");
    try {
      map.emplace_back(name, parse(value, record));
    } catch (const Error& error) {
      malformed(error.fields().what, fmt::format("feature {}, {}", name, error.fields().where));
    }
  });
  const auto by_name = [](const auto& a, const auto& b) { return a.first < b.first; };
  if (!std::is_sorted(map.begin(), map.end(), by_name)) std::sort(map.begin(), map.end(), by_name);
  const auto twice =
      std::adjacent_find(map.begin(), map.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != map.end()) malformed("feature given twice", fmt::format("feature {}", twice->first));
  return map;
}

Example parse_features(std::string_view message, std::string_view record) {
  return {parse_map<ExampleFeature>(message, record, parse_feature)};
}

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80U; value >>= 7U) out += static_cast<char>(value | 0x80U);
  out += static_cast<char>(value);
}

void append_field(std::string& out, int number, std::string_view bytes) {
  append_varint(out, static_cast<uint64_t>(number) << 3U | kLength);
  append_varint(out, bytes.size());
  out += bytes;
}

}  // namespace

std::string_view kind_name(ExampleFeature::Kind kind) {
  switch (kind) {
    case ExampleFeature::Kind::Bytes:
      return "bytes";
    case ExampleFeature::Kind::Floats:
      return "float";
    case ExampleFeature::Kind::Ints:
      return "int64";
    case ExampleFeature::Kind::None:
      break;
  }
  return "nothing";
}

std::vector<std::string_view> feature_bytes(const ExampleFeature& feature) {
  std::vector<std::string_view> values;
  if (feature.kind != ExampleFeature::Kind::Bytes) return values;
  values.reserve(static_cast<size_t>(feature.count));
  each_value(feature.list, feature.list,
             [&](const Field& field, const WireReader& /*reader*/) { values.push_back(field.bytes); });
  return values;
}

std::vector<int64_t> feature_ints(const ExampleFeature& feature) {
  std::vector<int64_t> values;
  if (feature.kind != ExampleFeature::Kind::Ints) return values;
  values.reserve(static_cast<size_t>(feature.count));
  each_value(feature.list, feature.list, [&](const Field& field, const WireReader& /*reader*/) {
    if (field.wire == kVarint) values.push_back(static_cast<int64_t>(field.varint));
    for (WireReader packed(field.bytes, field.bytes); !packed.done();) {
      values.push_back(static_cast<int64_t>(packed.varint()));
    }
  });
  return values;
}

std::string feature_float_bytes(const ExampleFeature& feature) {
  std::string values;
  if (feature.kind != ExampleFeature::Kind::Floats) return values;
  values.reserve(static_cast<size_t>(feature.count) * kFloatBytes);
  each_value(feature.list, feature.list,
             [&](const Field& field, const WireReader& /*reader*/) { values += field.bytes; });
  return values;
}

const ExampleFeature* Example::find(std::string_view name) const {
  const auto found = std::lower_bound(features.begin(), features.end(), name,
                                      [](const auto& entry, std::string_view key) { return entry.first < key; });
  return found != features.end() && found->first == name ? &found->second : nullptr;
}

Example parse_example(std::string_view record) {
  std::string_view features;
  bool given = false;
  for (WireReader reader(record, record); !reader.done();) {
    const Field field = reader.next();
    if (field.number == 1) give_once(features, given, field, reader);
  }
  return parse_features(features, record);
}

SequenceExample parse_sequence_example(std::string_view record) {
  std::string_view context, lists;
  bool has_context = false, has_lists = false;
  for (WireReader reader(record, record); !reader.done();) {
    const Field field = reader.next();
    if (field.number == 1) give_once(context, has_context, field, reader);
    if (field.number == 2) give_once(lists, has_lists, field, reader);
  }
  SequenceExample example;
  example.context = parse_features(context, record);
  example.lists = parse_map<std::vector<ExampleFeature>>(lists, record, parse_feature_list);
  return example;
}

bool has_feature_lists(std::string_view record) {
  for (WireReader reader(record, record); !reader.done();) {
    if (reader.next().number == 2) return true;
  }
  return false;
}

void ExampleWriter::add(std::string_view name, int kind, std::string list) {
  std::string feature, entry;
  append_field(feature, kind, list);
  append_field(entry, 1, name);
  append_field(entry, 2, feature);
  entries_.emplace_back(name, std::move(entry));
}

void ExampleWriter::add_bytes(std::string_view name, const std::vector<std::string_view>& values) {
  std::string list;
  for (const std::string_view value : values) append_field(list, 1, value);
  add(name, static_cast<int>(ExampleFeature::Kind::Bytes), std::move(list));
}

void ExampleWriter::add_ints(std::string_view name, const std::vector<int64_t>& values) {
  std::string packed, list;
  for (const int64_t value : values) append_varint(packed, static_cast<uint64_t>(value));
  if (!values.empty()) append_field(list, 1, packed);
  add(name, static_cast<int>(ExampleFeature::Kind::Ints), std::move(list));
}

void ExampleWriter::add_floats(std::string_view name, std::string_view float_bytes) {
  std::string list;
  if (!float_bytes.empty()) append_field(list, 1, float_bytes);
  add(name, static_cast<int>(ExampleFeature::Kind::Floats), std::move(list));
}

std::string ExampleWriter::take() {
  std::sort(entries_.begin(), entries_.end());
  std::string features, example;
  for (const auto& [name, entry] : entries_) append_field(features, 1, entry);
  append_field(example, 1, features);
  entries_.clear();
  return example;
}

}  // namespace magma
