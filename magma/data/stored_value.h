// StoredValue: a value as it lies in a file - numbers, strings or encoded images with their shape. Source: issue of
// `magma data show --raw`; docs/formats.md "Data".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace magma {

enum class Element {
  Bool,
  I8,
  I16,
  I32,
  I64,
  U8,
  U16,
  U32,
  U64,
  F8E4M3,
  F8E5M2,
  F16,
  BF16,
  F32,
  F64,
  C64,
  C128,
  String,
  Image
};
std::string_view element_name(Element element);  // "float32"; as numpy and TensorFlow call it
int64_t element_bytes(Element element);          // of a number; 0 for strings and images

struct StoredValue {
  Element element = Element::F32;
  std::vector<int64_t> shape;
  std::string bytes;                              // numbers: row-major, little-endian
  std::vector<std::string> strings;               // strings, or images still encoded
  std::vector<std::vector<int64_t>> row_lengths;  // of nested sequences, outermost first
  int64_t count() const;                          // product of shape, checked
};

// One VALUE of docs/formats.md; numbers are spelled out up to `most_elements` (negative: always). An encoded image is
// described by its header, {"format", "bytes", "sha256", "width", "height"}; one that has none is Error(Malformed).
void append_json(std::string& out, const StoredValue& value, int64_t most_elements);

// Text as a JSON string; bytes that are not UTF-8 as {"base64": ...}.
void append_json_text(std::string& out, std::string_view text);
void append_json_number(std::string& out, double value);  // shortest that reads back as this binary64; "NaN" and so on

}  // namespace magma
