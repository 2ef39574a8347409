#include "magma/data/pickle_objects.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "magma/core/limits.h"
#include "magma/core/utf8.h"
#include "magma/data/pickle_names.h"

namespace magma {
namespace {

struct NumpyCode {
  std::string_view code;
  Element element;
};
constexpr std::array kNumpyCodes = {
    NumpyCode{"b1", Element::Bool}, NumpyCode{"i1", Element::I8},   NumpyCode{"i2", Element::I16},
    NumpyCode{"i4", Element::I32},  NumpyCode{"i8", Element::I64},  NumpyCode{"u1", Element::U8},
    NumpyCode{"u2", Element::U16},  NumpyCode{"u4", Element::U32},  NumpyCode{"u8", Element::U64},
    NumpyCode{"f2", Element::F16},  NumpyCode{"f4", Element::F32},  NumpyCode{"f8", Element::F64},
    NumpyCode{"c8", Element::C64},  NumpyCode{"c16", Element::C128}};

class ObjectMaker {
 public:
  ObjectMaker(PickleGraph& graph, const PickleSite& site) : graph_(graph), site_(site) {}

  uint32_t reduce(uint32_t callable, const std::vector<uint32_t>& arguments) {
    if (graph_[callable].kind != PickleKind::Name) site_.malformed("what is called is not a name");
    const PickleName& name = pickle_name(graph_[callable].number);
    switch (name.meaning) {
      case PickleMeaning::OrderedDict:
        return ordered_dict(arguments);
      case PickleMeaning::RebuildTensor:
        require_count(arguments, 4, 4);
        return tensor(arguments, std::nullopt);
      case PickleMeaning::RebuildTensorV2:
        require_count(arguments, 6, 7);
        require_no_extras(arguments, 6);
        return tensor(arguments, std::nullopt);
      case PickleMeaning::RebuildTensorV3:
        require_count(arguments, 7, 8);
        require_no_extras(arguments, 7);
        return tensor(arguments, dtype(arguments[6]));
      case PickleMeaning::RebuildParameter:
        require_count(arguments, 3, 3);
        require(arguments[0], PickleKind::Tensor, "a tensor");
        require_empty(arguments[2], "hooks");
        return arguments[0];
      case PickleMeaning::Reconstruct:
        return array(arguments);
      case PickleMeaning::Scalar:
        return scalar(arguments);
      case PickleMeaning::NumpyDType:
        return numpy_type(arguments);
      default:
        return plain(name.meaning, arguments);
    }
  }

  void build(uint32_t target, uint32_t state) {
    switch (graph_[target].kind) {
      case PickleKind::Dict:  // attributes of an OrderedDict, as torch's _metadata: not data
        require(state, PickleKind::Dict, "a dictionary");
        return;
      case PickleKind::NumpyType:
        return build_type(graph_.types[index(target)], tuple(state, "a tuple"));
      case PickleKind::Array:
        return build_array(graph_.arrays[index(target)], tuple(state, "a tuple"));
      default:
        site_.malformed("object takes no state");
    }
  }

  uint32_t storage(uint32_t id) {
    const std::vector<uint32_t>& parts = tuple(id, "a tuple");
    require_count(parts, 5, 6);
    require(parts[0], PickleKind::String, "storage");
    if (graph_[parts[0]].text != "storage") site_.malformed("persistent id is not that of a storage");
    require(parts[1], PickleKind::Name, "a type of storage");
    const PickleName& type = pickle_name(graph_[parts[1]].number);
    const bool untyped = type.meaning == PickleMeaning::UntypedStorage;
    if (!untyped && type.meaning != PickleMeaning::Storage) {
      site_.malformed("name is no type of storage", "", std::string(type.name));
    }
    require(parts[2], PickleKind::String, "a key");
    require(parts[3], PickleKind::String, "a location");
    if (parts.size() == 6 && graph_[parts[5]].kind != PickleKind::None) site_.refused("storage is a view of another");
    PickleStorage storage{.element = type.element, .key = graph_[parts[2]].text, .numel = integer(parts[4])};
    if (untyped) storage.element.reset();
    if (storage.numel < 0) site_.malformed("storage has a negative size");
    graph_.storages.push_back(storage);
    return graph_.add(PickleKind::Storage, static_cast<int64_t>(graph_.storages.size() - 1));
  }

 private:
  void require(uint32_t node, PickleKind kind, const char* expected) const {
    if (graph_[node].kind != kind) site_.malformed("argument is of another kind", expected);
  }
  void require_count(const std::vector<uint32_t>& arguments, size_t least, size_t most) const {
    if (arguments.size() >= least && arguments.size() <= most) return;
    site_.malformed("wrong number of arguments", fmt::format("{} to {}", least, most),
                    std::to_string(arguments.size()));
  }
  void require_empty(uint32_t node, const char* what) const {
    require(node, PickleKind::Dict, what);
    if (!graph_.children(node).empty()) site_.refused(fmt::format("{} of a tensor are not read", what));
  }
  // Hooks before, and metadata (lazy conjugation and the like, which change values) at `metadata`.
  void require_no_extras(const std::vector<uint32_t>& arguments, size_t metadata) const {
    require(arguments[4], PickleKind::Bool, "a truth value");
    require_empty(arguments[5], "hooks");
    const bool given = arguments.size() > metadata && graph_[arguments[metadata]].kind != PickleKind::None;
    if (given) require_empty(arguments[metadata], "metadata");
  }

  size_t index(uint32_t node) const { return static_cast<size_t>(graph_[node].number); }
  const std::vector<uint32_t>& tuple(uint32_t node, const char* expected) const {
    require(node, PickleKind::Tuple, expected);
    return graph_.children(node);
  }
  int64_t integer(uint32_t node) const {
    require(node, PickleKind::Int, "an integer");
    if (!graph_[node].text.empty()) site_.refused("integer does not fit 64 bits");
    return graph_[node].number;
  }
  bool flag(uint32_t node) const {
    if (graph_[node].kind != PickleKind::Int) require(node, PickleKind::Bool, "a truth value");
    return graph_[node].number != 0;
  }
  std::vector<int64_t> integers(uint32_t node) const {
    std::vector<int64_t> values;
    const std::vector<uint32_t>& children = tuple(node, "a tuple of integers");
    graph_.charge(bounded(static_cast<int64_t>(children.size()), 0, limits().tensor_sides, "sides of a tensor"));
    for (const uint32_t child : children) values.push_back(integer(child));
    return values;
  }
  std::string_view bytes(uint32_t node) const {
    if (graph_[node].kind == PickleKind::String && graph_[node].number == 1) return graph_[node].text;
    if (graph_[node].kind == PickleKind::List) site_.refused("array of objects is not read");
    require(node, PickleKind::Bytes, "bytes");
    return graph_[node].text;
  }

  Element dtype(uint32_t node) const {
    require(node, PickleKind::Name, "a type of numbers");
    const PickleName& name = pickle_name(graph_[node].number);
    if (name.meaning != PickleMeaning::DType) site_.malformed("name is no type of numbers", "", std::string(name.name));
    return name.element;
  }

  uint32_t tensor(const std::vector<uint32_t>& arguments, std::optional<Element> element) {
    require(arguments[0], PickleKind::Storage, "a storage");
    PickleTensor tensor{.storage = index(arguments[0]), .offset = integer(arguments[1])};
    tensor.shape = integers(arguments[2]);
    tensor.strides = integers(arguments[3]);
    if (tensor.shape.size() != tensor.strides.size()) site_.malformed("tensor has other strides than sides");
    const std::optional<Element> stored = graph_.storages[tensor.storage].element;
    if (!element && !stored) site_.malformed("tensor without a type");
    if (element && stored && *element != *stored) site_.malformed("tensor and storage have different types");
    tensor.element = element ? *element : *stored;
    graph_.tensors.push_back(std::move(tensor));
    return graph_.add(PickleKind::Tensor, static_cast<int64_t>(graph_.tensors.size() - 1));
  }

  uint32_t array(const std::vector<uint32_t>& arguments) {
    require_count(arguments, 3, 3);
    require(arguments[0], PickleKind::Name, "numpy.ndarray");
    if (pickle_name(graph_[arguments[0]].number).meaning != PickleMeaning::NdArray) {
      site_.malformed("what is reconstructed is no array");
    }
    integers(arguments[1]);
    bytes(arguments[2]);
    graph_.arrays.emplace_back();
    return graph_.add(PickleKind::Array, static_cast<int64_t>(graph_.arrays.size() - 1));
  }

  uint32_t scalar(const std::vector<uint32_t>& arguments) {
    require_count(arguments, 2, 2);
    require(arguments[0], PickleKind::NumpyType, "a numpy type");
    const PickleNumpyType& type = graph_.types[index(arguments[0])];
    PickleArray value{.built = true, .type = type, .bytes = bytes(arguments[1])};
    require_size(value);
    graph_.arrays.push_back(value);
    return graph_.add(PickleKind::Scalar, static_cast<int64_t>(graph_.arrays.size() - 1));
  }

  void require_size(const PickleArray& array) const {
    int64_t expected = element_bytes(array.type.element);
    for (const int64_t side : array.shape) {
      if (side < 0) site_.malformed("array has a negative side");
      expected = checked_multiply(expected, side, "shape of an array");
    }
    if (expected == static_cast<int64_t>(array.bytes.size())) return;
    site_.malformed("bytes of an array do not fill its shape", std::to_string(expected),
                    std::to_string(array.bytes.size()));
  }

  uint32_t numpy_type(const std::vector<uint32_t>& arguments) {
    require_count(arguments, 1, 3);
    require(arguments[0], PickleKind::String, "a numpy type");
    for (size_t i = 1; i < arguments.size(); ++i) flag(arguments[i]);
    const std::string_view code = graph_[arguments[0]].text;
    for (const NumpyCode& known : kNumpyCodes) {
      if (known.code != code) continue;
      graph_.types.push_back({.element = known.element});
      return graph_.add(PickleKind::NumpyType, static_cast<int64_t>(graph_.types.size() - 1));
    }
    site_.refused("numpy type is not read", "bool, integers, floats, complex", std::string(code));
  }

  void build_type(PickleNumpyType& type, const std::vector<uint32_t>& state) const {
    if (state.size() > 8) site_.refused("numpy type with metadata is not read");
    require_count(state, 8, 8);
    if (integer(state[0]) != 3) site_.malformed("state of a numpy type is not known", "3");
    require(state[1], PickleKind::String, "a byte order");
    const std::string_view order = graph_[state[1]].text;
    if (order != "<" && order != ">" && order != "|" && order != "=") {
      site_.malformed("byte order is not known", "<, >, | or =", std::string(order));
    }
    for (size_t i = 2; i < 5; ++i) {
      if (graph_[state[i]].kind != PickleKind::None) site_.refused("numpy type with fields is not read");
    }
    for (size_t i = 5; i < 8; ++i) integer(state[i]);
    type.big_endian = order == ">";
  }

  void build_array(PickleArray& array, const std::vector<uint32_t>& state) const {
    require_count(state, 5, 5);
    if (integer(state[0]) != 1) site_.malformed("state of an array is not known", "1");
    require(state[2], PickleKind::NumpyType, "a numpy type");
    array = {.built = true,
             .type = graph_.types[index(state[2])],
             .shape = integers(state[1]),
             .column_major = flag(state[3]),
             .bytes = bytes(state[4])};
    require_size(array);
  }

  uint32_t ordered_dict(const std::vector<uint32_t>& arguments) {
    require_count(arguments, 0, 1);
    const uint32_t dict = graph_.add(PickleKind::Dict);
    if (arguments.empty()) return dict;
    require(arguments[0], PickleKind::List, "a list of pairs");
    for (const uint32_t pair : graph_.children(arguments[0])) {
      if (graph_[pair].kind != PickleKind::List) require(pair, PickleKind::Tuple, "a pair");
      const std::vector<uint32_t>& parts = graph_.children(pair);
      require_count(parts, 2, 2);
      for (const uint32_t part : parts) graph_.add_child(dict, part);
    }
    return dict;
  }

  uint32_t plain(PickleMeaning meaning, const std::vector<uint32_t>& arguments) {
    switch (meaning) {
      case PickleMeaning::Encode:
        return encode(arguments, {"latin1"});
      case PickleMeaning::Bytes:
        require_count(arguments, 0, 0);
        return graph_.add(PickleKind::Bytes);
      case PickleMeaning::ByteArray:
        require_count(arguments, 0, 2);
        if (arguments.empty()) return graph_.add(PickleKind::Bytes);
        if (arguments.size() == 2) return encode(arguments, {"latin-1", "latin1"});
        return graph_.add(PickleKind::Bytes, 0, bytes(arguments[0]));
      case PickleMeaning::Set:
        return copy(PickleKind::Set, arguments);
      case PickleMeaning::Size:
        require_count(arguments, 1, 1);
        integers(arguments[0]);
        return copy(PickleKind::Tuple, arguments);
      case PickleMeaning::Complex: {
        require_count(arguments, 2, 2);
        const uint32_t value = graph_.add(PickleKind::Complex);
        for (const uint32_t part : arguments) {
          require(part, PickleKind::Float, "a float");
          graph_.add_child(value, part);
        }
        return value;
      }
      case PickleMeaning::Device:
        return device(arguments);
      default:
        site_.malformed("name is no function");
    }
  }

  // A set or tuple of what stands in the only argument, a list or tuple.
  uint32_t copy(PickleKind kind, const std::vector<uint32_t>& arguments) {
    require_count(arguments, 0, 1);
    const uint32_t result = graph_.add(kind);
    if (arguments.empty()) return result;
    if (graph_[arguments[0]].kind != PickleKind::List) require(arguments[0], PickleKind::Tuple, "a list");
    for (const uint32_t child : graph_.children(arguments[0])) graph_.add_child(result, child);
    return result;
  }

  // Each code point is a byte.
  uint32_t encode(const std::vector<uint32_t>& arguments, std::initializer_list<std::string_view> codecs) {
    require_count(arguments, 2, 2);
    require(arguments[0], PickleKind::String, "text");
    require(arguments[1], PickleKind::String, "a codec");
    const std::string_view codec = graph_[arguments[1]].text, text = graph_[arguments[0]].text;
    if (std::find(codecs.begin(), codecs.end(), codec) == codecs.end()) {
      site_.refused("codec is not allowed", std::string(*codecs.begin()), std::string(codec));
    }
    std::string result;
    result.reserve(text.size());
    for (size_t i = 0; i < text.size();) {
      const Utf8Character character = utf8_character(text, i);
      if (character.length == 0 || character.code_point > 0xFF) site_.malformed("text does not fit its codec");
      result += static_cast<char>(character.code_point);
      i += character.length;
    }
    return graph_.add(PickleKind::Bytes, 0, graph_.keep(std::move(result)));
  }

  uint32_t device(const std::vector<uint32_t>& arguments) {
    require_count(arguments, 1, 2);
    require(arguments[0], PickleKind::String, "a device");
    std::string text(graph_[arguments[0]].text);
    if (arguments.size() == 2) text += fmt::format(":{}", integer(arguments[1]));
    return graph_.add(PickleKind::String, 0, graph_.keep(std::move(text)));
  }

  PickleGraph& graph_;
  const PickleSite& site_;
};

}  // namespace

uint32_t reduce_pickle(PickleGraph& graph, const PickleSite& site, uint32_t callable, uint32_t arguments) {
  if (graph[arguments].kind != PickleKind::Tuple) site.malformed("arguments are no tuple");
  // A copy: what is made may move the lists.
  const std::vector<uint32_t> given = graph.children(arguments);
  return ObjectMaker(graph, site).reduce(callable, given);
}

void build_pickle(PickleGraph& graph, const PickleSite& site, uint32_t target, uint32_t state) {
  ObjectMaker(graph, site).build(target, state);
}

uint32_t pickle_storage(PickleGraph& graph, const PickleSite& site, uint32_t id) {
  return ObjectMaker(graph, site).storage(id);
}

}  // namespace magma
