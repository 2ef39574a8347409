// PickleGraph: what a pickle says, as nodes that refer to each other by number, so that one may stand in several places
// and still be changed after it was remembered.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "magma/data/stored_value.h"

namespace magma {

enum class PickleKind : uint8_t {
  None,
  Bool,     // number
  Int,      // number, or its digits in text
  Float,    // number holds the bits
  Complex,  // two Floats
  String,   // text: UTF-8 with lone surrogates; number 1: of Python 2, may be meant as bytes
  Bytes,    // text
  List,     // children, as of the next two
  Tuple,
  Set,
  Dict,       // key, value, key, value, ...
  Name,       // number: of PickleNames
  Storage,    // number: of `storages`, likewise below
  Tensor,     // `tensors`
  NumpyType,  // `types`
  Array,      // `arrays`
  Scalar      // `arrays`
};

constexpr uint32_t kNoNode = 0xFFFFFFFF;

struct PickleNode {
  PickleKind kind = PickleKind::None;
  uint16_t depth = 1;  // at least: of what hung below it when it was last changed
  uint32_t list = kNoNode;
  int64_t number = 0;
  std::string_view text{};
};

struct PickleStorage {
  std::optional<Element> element;  // none: bytes
  std::string_view key;
  int64_t numel = 0;
  int64_t element_bytes() const { return element ? magma::element_bytes(*element) : 1; }
};

struct PickleTensor {
  size_t storage = 0;  // of `storages`
  Element element = Element::F32;
  int64_t offset = 0;  // elements, as strides
  std::vector<int64_t> shape{}, strides{};
};

struct PickleNumpyType {
  Element element = Element::F32;
  bool big_endian = false;
};

struct PickleArray {
  bool built = false;
  PickleNumpyType type{};
  std::vector<int64_t> shape{};
  bool column_major = false;
  std::string_view bytes{};
};

class PickleGraph {
 public:
  // Of a pickle of so many bytes: what it makes is bounded by a multiple of them, so that a small file stays small.
  explicit PickleGraph(int64_t pickle_bytes);
  uint32_t add(PickleKind kind, int64_t number = 0, std::string_view text = {});
  uint32_t none() const { return 0; }
  uint32_t boolean(bool value) const { return value ? 2 : 1; }
  const PickleNode& operator[](uint32_t node) const { return nodes_[node]; }
  size_t size() const { return nodes_.size(); }
  const std::vector<uint32_t>& children(uint32_t node) const;
  // Error(Refused) when that nests too deep.
  void add_child(uint32_t parent, uint32_t child);
  std::string_view keep(std::string text);
  // `values` more are held; Error(Refused) when those are too many.
  void charge(int64_t values);
  int64_t most_values() const { return most_values_; }
  int64_t most_text_bytes() const { return most_text_bytes_; }

  std::deque<PickleStorage> storages{};
  std::deque<PickleTensor> tensors{};
  std::deque<PickleNumpyType> types{};
  std::deque<PickleArray> arrays{};

 private:
  int64_t most_values_, most_text_bytes_, values_ = 0, text_bytes_ = 0;
  std::deque<PickleNode> nodes_;
  std::deque<std::vector<uint32_t>> lists_;
  std::deque<std::string> kept_;
};

}  // namespace magma
