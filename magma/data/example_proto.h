// tf.train.Example and SequenceExample, read in place: everything points into the record. Source: data_formats.md 1.2.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace magma {

// The values of one feature, checked when the Example was parsed; valid as long as the record.
struct ExampleFeature {
  enum class Kind { None, Bytes, Floats, Ints };
  Kind kind = Kind::None;
  std::string_view list{};  // the list's message
  int64_t count = 0;
};
std::string_view kind_name(ExampleFeature::Kind kind);  // "bytes", "float", "int64", "nothing"

// Empty for a feature of another kind.
std::vector<std::string_view> feature_bytes(const ExampleFeature& feature);
std::vector<int64_t> feature_ints(const ExampleFeature& feature);
std::string feature_float_bytes(const ExampleFeature& feature);  // float32, little-endian

struct Example {
  std::vector<std::pair<std::string_view, ExampleFeature>> features{};  // by name
  const ExampleFeature* find(std::string_view name) const;              // nullptr when absent
};

struct SequenceExample {
  Example context{};
  std::vector<std::pair<std::string_view, std::vector<ExampleFeature>>> lists{};  // by name
};

// Malformed, naming the feature or the byte of the record: damaged messages, groups, known fields of another wire type,
// numbers of more than 64 bits, names that are given twice or are not UTF-8. Unknown fields are passed over.
Example parse_example(std::string_view record);
SequenceExample parse_sequence_example(std::string_view record);
bool has_feature_lists(std::string_view record);  // a SequenceExample rather than an Example

// An Example as protobuf writes it with its map in the order of names.
class ExampleWriter {
 public:
  void add_bytes(std::string_view name, const std::vector<std::string_view>& values);
  void add_ints(std::string_view name, const std::vector<int64_t>& values);
  void add_floats(std::string_view name, std::string_view float_bytes);
  std::string take();

 private:
  void add(std::string_view name, int kind, std::string list);
  std::vector<std::pair<std::string, std::string>> entries_;  // name, encoded entry
};

}  // namespace magma
