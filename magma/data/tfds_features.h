// features.json of a TFDS data set: what an episode holds, and how it is stored. Source: data_formats.md 1.5, 1.6.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "magma/core/json.h"
#include "magma/data/rlds_dataset.h"

namespace magma {

struct TfdsFeature {
  enum class Storage { Plain, Bytes, Zlib };  // Bytes, Zlib: each tensor is one string
  RldsFeature shown{};
  std::vector<int64_t> shape{};  // of one value inside all sequences
  Storage storage = Storage::Plain;
  int64_t levels = 0;       // of sequences, the steps included
  bool with_shape = false;  // of several unknown dimensions: stored under KEY/shape and KEY/value
  bool optional = false;    // may be absent
};

// In the order of their keys. Malformed with the JSON pointer, Refused for kinds of features that are not read.
std::vector<TfdsFeature> parse_tfds_features(const Json& json, const std::string& file);
std::vector<TfdsFeature> read_tfds_features(const Path& path);

// "float32" and so on; every name that is not one of a number is text.
Element tfds_element(std::string_view dtype);

// protobuf writes 64-bit numbers as strings and reads them as either; nullopt for anything else.
std::optional<int64_t> json_int64(const Json& json);

}  // namespace magma
