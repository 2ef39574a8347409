#include "magma/data/torch_tree.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include <fmt/format.h>

#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/data/pickle_names.h"
#include "magma/data/torch_key.h"

namespace magma {
namespace {

constexpr int64_t kTensorBytes = int64_t{64} << 20;  // beyond four times the file

// What hangs below a node, itself included.
struct Extent {
  enum class State : uint8_t { New, Open, Done };
  int64_t values = 0, text_bytes = 0;
  int64_t number_bytes = 0;  // of tensors and arrays; strides of 0 make much of little
  int16_t height = 0;
  State state = State::New;
};

int64_t saturating_add(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

// Of each number, or of both halves of a complex one.
void swap_bytes(std::string& bytes, Element element) {
  int64_t width = element_bytes(element);
  if (element == Element::C64 || element == Element::C128) width /= 2;
  for (int64_t at = 0; at < static_cast<int64_t>(bytes.size()); at += width) {
    std::reverse(bytes.begin() + at, bytes.begin() + at + width);
  }
}

// Copies the values at `offset` and `strides` (elements of `width` bytes) in row-major order.
void gather(std::string& out, std::string_view bytes, const PickleTensor& tensor, int64_t width) {
  const size_t sides = tensor.shape.size();
  std::vector<int64_t> at(sides, 0);
  int64_t element = tensor.offset;
  while (true) {
    out.append(bytes.substr(static_cast<size_t>(element * width), static_cast<size_t>(width)));
    size_t side = sides;
    while (side-- > 0) {
      element += tensor.strides[side];
      if (++at[side] < tensor.shape[side]) break;
      element -= at[side] * tensor.strides[side];
      at[side] = 0;
    }
    if (side == SIZE_MAX) return;
  }
}

class TreeBuilder {
 public:
  TreeBuilder(const PickleGraph& graph, const TorchSource& source)
      : graph_(graph), source_(source), extents_(graph.size()) {}

  TorchValue build_root(uint32_t root) {
    try {
      return build_bounded(root);
    } catch (const Error& error) {  // limits know neither file nor place
      if (!error.fields().file.empty()) throw;
      ErrorFields fields = error.fields();
      fields.file = source_.file;
      fields.where = place() + ", " + fields.where;
      throw Error(error.code(), fields);
    }
  }

 private:
  TorchValue build_bounded(uint32_t root) {
    const Extent whole = measure(root, 1);
    if (whole.values > graph_.most_values() || whole.text_bytes > graph_.most_text_bytes()) {
      fail(ErrorCode::Refused, "object is out of proportion to its pickle",
           fmt::format("at most {} values", graph_.most_values()), std::to_string(whole.values));
    }
    const int64_t most = kTensorBytes + 4 * source_.file_bytes;
    if (whole.number_bytes > most) {
      fail(ErrorCode::Refused, "tensors are out of proportion to their file", fmt::format("at most {} bytes", most),
           std::to_string(whole.number_bytes));
    }
    return build(root);
  }

  struct Step {
    uint32_t key;   // of a dictionary, or kNoNode
    size_t number;  // of a sequence
  };

  [[noreturn]] void fail(ErrorCode code, std::string what, std::string expected = "", std::string got = "") const {
    throw Error(code, {.file = source_.file,
                       .where = place(),
                       .what = std::move(what),
                       .expected = std::move(expected),
                       .got = std::move(got)});
  }

  std::string place() const {
    std::string text = source_.entry;
    if (!path_.empty()) text += text.empty() ? "" : " ";
    for (const Step& step : path_) {
      const bool named = step.key != kNoNode && graph_[step.key].kind == PickleKind::String;
      text += "/" + (named ? std::string(graph_[step.key].text) : std::to_string(step.number));
    }
    return text + (where_.empty() ? "" : " " + where_);
  }

  Extent measure(uint32_t node, int64_t depth) {
    if (depth > limits().pickle_depth) {
      fail(ErrorCode::Refused, "nested too deep", fmt::format("at most {} levels", limits().pickle_depth));
    }
    Extent& known = extents_[node];
    if (known.state == Extent::State::Open) fail(ErrorCode::Refused, "object holds itself");
    if (known.state == Extent::State::Done) {
      if (depth + known.height > limits().pickle_depth + 1) fail(ErrorCode::Refused, "nested too deep");
      return known;
    }
    known.state = Extent::State::Open;
    Extent extent{.values = 1,
                  .text_bytes = static_cast<int64_t>(graph_[node].text.size()),
                  .number_bytes = number_bytes(graph_[node]),
                  .height = 1};
    for (const uint32_t child : graph_.children(node)) {
      const Extent below = measure(child, depth + 1);
      extent.values = saturating_add(extent.values, below.values);
      extent.text_bytes = saturating_add(extent.text_bytes, below.text_bytes);
      extent.number_bytes = saturating_add(extent.number_bytes, below.number_bytes);
      extent.height = std::max(extent.height, static_cast<int16_t>(below.height + 1));
    }
    extent.state = Extent::State::Done;
    return extents_[node] = extent;
  }

  int64_t number_bytes(const PickleNode& node) const {
    if (node.kind == PickleKind::Array || node.kind == PickleKind::Scalar) {
      return static_cast<int64_t>(graph_.arrays[static_cast<size_t>(node.number)].bytes.size());
    }
    if (node.kind != PickleKind::Tensor) return 0;
    const PickleTensor& tensor = graph_.tensors[static_cast<size_t>(node.number)];
    int64_t bytes = element_bytes(tensor.element);
    if (std::find(tensor.shape.begin(), tensor.shape.end(), 0) != tensor.shape.end()) return 0;
    for (const int64_t side : tensor.shape) {
      if (__builtin_mul_overflow(bytes, std::max<int64_t>(side, 0), &bytes)) return INT64_MAX;
    }
    return bytes;
  }

  TorchValue build(uint32_t node) {
    const PickleNode& from = graph_[node];
    TorchValue value;
    switch (from.kind) {
      case PickleKind::None:
        break;
      case PickleKind::Bool:
        value.kind = TorchValue::Kind::Bool;
        value.boolean = from.number != 0;
        break;
      case PickleKind::Int:
        value.kind = TorchValue::Kind::Int;
        value.text = from.text.empty() ? std::to_string(from.number) : std::string(from.text);
        break;
      case PickleKind::Float:
        value.kind = TorchValue::Kind::Float;
        value.real = std::bit_cast<double>(from.number);
        break;
      case PickleKind::Complex:
        value.kind = TorchValue::Kind::Complex;
        value.real = std::bit_cast<double>(graph_[graph_.children(node)[0]].number);
        value.imaginary = std::bit_cast<double>(graph_[graph_.children(node)[1]].number);
        break;
      case PickleKind::String:
      case PickleKind::Bytes:
        value.kind = from.kind == PickleKind::String ? TorchValue::Kind::String : TorchValue::Kind::Bytes;
        value.text = from.text;
        break;
      case PickleKind::List:
      case PickleKind::Tuple:
      case PickleKind::Set:
        fill_items(value, node);
        break;
      case PickleKind::Dict:
        fill_entries(value, node);
        break;
      case PickleKind::Name:
        name(value, pickle_name(from.number));
        break;
      case PickleKind::Tensor:
      case PickleKind::Array:
      case PickleKind::Scalar:
        numbers(value, node);
        break;
      case PickleKind::Storage:
        fail(ErrorCode::Refused, "storage that belongs to no tensor is not read");
      case PickleKind::NumpyType:
        fail(ErrorCode::Refused, "numpy type as a value is not read");
    }
    return value;
  }

  void fill_items(TorchValue& value, uint32_t node) {
    const PickleKind kind = graph_[node].kind;
    const bool set = kind == PickleKind::Set;
    value.kind = set                         ? TorchValue::Kind::Set
                 : kind == PickleKind::Tuple ? TorchValue::Kind::Tuple
                                             : TorchValue::Kind::List;
    std::unordered_map<std::string, size_t> keys;
    const std::vector<uint32_t>& children = graph_.children(node);
    value.items.reserve(set ? 0 : children.size());
    for (size_t i = 0; i < children.size(); ++i) {
      path_.push_back({kNoNode, i});
      TorchValue item = build(children[i]);
      if (!set || keys.emplace(key_of(item), i).second) value.items.push_back(std::move(item));
      path_.pop_back();
    }
  }

  // A key that comes again keeps its place and takes the later value, as in Python.
  void fill_entries(TorchValue& value, uint32_t node) {
    value.kind = TorchValue::Kind::Dict;
    const std::vector<uint32_t>& children = graph_.children(node);
    std::unordered_map<std::string, size_t> keys;
    for (size_t i = 0; i + 1 < children.size(); i += 2) {
      path_.push_back({children[i], i / 2});
      TorchValue key = build(children[i]);
      const auto [known, added] = keys.emplace(key_of(key), value.entries.size());
      TorchValue content = build(children[i + 1]);
      if (added) {
        value.entries.emplace_back(std::move(key), std::move(content));
      } else {
        value.entries[known->second].second = std::move(content);
      }
      path_.pop_back();
    }
  }

  std::string key_of(const TorchValue& key) const {
    std::optional<std::string> text = torch_key(key);
    if (!text) fail(ErrorCode::Refused, "object cannot be a key");
    return *std::move(text);
  }

  void name(TorchValue& value, const PickleName& name) const {
    if (name.meaning != PickleMeaning::DType) {
      fail(ErrorCode::Refused, "name as a value is not read", "", fmt::format("{}.{}", name.module, name.name));
    }
    value.kind = TorchValue::Kind::String;
    value.text = fmt::format("{}.{}", name.module, name.name);
  }

  void numbers(TorchValue& value, uint32_t node) {
    const PickleNode& from = graph_[node];
    const auto number = static_cast<size_t>(from.number);
    value.kind = from.kind == PickleKind::Tensor  ? TorchValue::Kind::Tensor
                 : from.kind == PickleKind::Array ? TorchValue::Kind::Array
                                                  : TorchValue::Kind::Scalar;
    std::shared_ptr<const StoredValue>& known = values_[node];
    if (!known) {
      StoredValue made =
          from.kind == PickleKind::Tensor ? tensor(graph_.tensors[number]) : array(graph_.arrays[number]);
      if (made.element == Element::Bool &&
          std::any_of(made.bytes.begin(), made.bytes.end(), [](char byte) { return static_cast<uint8_t>(byte) > 1; })) {
        fail(ErrorCode::Malformed, "truth value is neither 0 nor 1");
      }
      known = std::make_shared<StoredValue>(std::move(made));
    }
    where_.clear();
    value.value = known;
  }

  int64_t count_of(const PickleTensor& tensor) const {
    int64_t count = 1;
    for (const int64_t side : tensor.shape) {
      if (side < 0) fail(ErrorCode::Malformed, "tensor has a negative side");
      count = checked_multiply(count, side, "shape of a tensor");
    }
    return count;
  }

  StoredValue tensor(const PickleTensor& tensor) {
    const PickleStorage& storage = graph_.storages[tensor.storage];
    where_ = fmt::format("(tensor of storage {})", storage.key);
    const std::string_view bytes = source_.storage(storage);
    const int64_t width = element_bytes(tensor.element), stored = static_cast<int64_t>(bytes.size());
    if (stored != checked_multiply(storage.numel, storage.element_bytes(), "size of a storage")) {
      fail(ErrorCode::Malformed, "storage has another size than the pickle says",
           fmt::format("{} x {} bytes", storage.numel, storage.element_bytes()), std::to_string(stored));
    }
    StoredValue value;
    value.element = tensor.element;
    value.shape = tensor.shape;
    const int64_t count = count_of(tensor);
    if (tensor.offset < 0) fail(ErrorCode::Malformed, "tensor begins before its storage");
    int64_t last = tensor.offset, dense = 1;
    bool contiguous = true;
    for (size_t i = tensor.shape.size(); i-- > 0;) {
      if (tensor.strides[i] < 0) fail(ErrorCode::Malformed, "tensor has a negative stride");
      contiguous = contiguous && (tensor.shape[i] <= 1 || tensor.strides[i] == dense);
      if (count == 0) continue;
      last = checked_add(last, checked_multiply(tensor.shape[i] - 1, tensor.strides[i], "stride"), "end of a tensor");
      dense *= tensor.shape[i];
    }
    if (count == 0) return value;
    if (last >= stored / width) {
      fail(ErrorCode::Malformed, "tensor reaches beyond its storage", fmt::format("below {}", stored / width),
           std::to_string(last));
    }
    value.bytes.reserve(static_cast<size_t>(count * width));
    if (contiguous) {
      value.bytes = bytes.substr(static_cast<size_t>(tensor.offset * width), static_cast<size_t>(count * width));
    } else {
      gather(value.bytes, bytes, tensor, width);
    }
    if (source_.big_endian) swap_bytes(value.bytes, value.element);
    return value;
  }

  StoredValue array(const PickleArray& array) {
    if (!array.built) fail(ErrorCode::Malformed, "array without its values");
    StoredValue value;
    value.element = array.type.element;
    value.shape = array.shape;
    const int64_t count = value.count();
    value.bytes.reserve(array.bytes.size());
    if (count > 0 && array.column_major && array.shape.size() > 1) {
      PickleTensor view{.element = array.type.element, .shape = array.shape, .strides = {}};
      int64_t stride = 1;
      for (const int64_t side : array.shape) {
        view.strides.push_back(stride);
        stride *= side;
      }
      gather(value.bytes, array.bytes, view, element_bytes(array.type.element));
    } else {
      value.bytes = array.bytes;
    }
    if (array.type.big_endian) swap_bytes(value.bytes, value.element);
    return value;
  }

  const PickleGraph& graph_;
  const TorchSource& source_;
  std::vector<Extent> extents_;
  std::vector<Step> path_;
  std::string where_;
  std::unordered_map<uint32_t, std::shared_ptr<const StoredValue>> values_;
};

}  // namespace

TorchValue build_torch_tree(const PickleGraph& graph, uint32_t root, const TorchSource& source) {
  return TreeBuilder(graph, source).build_root(root);
}

}  // namespace magma
