#include "magma/data/tfds_features.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "magma/core/limits.h"

namespace magma {
namespace {

constexpr const char* kSteps = "steps";

// Classes of the older files and the content key that says the same.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kClasses = {{{"FeaturesDict", "featuresDict"},
                                                                                     {"Dataset", "sequence"},
                                                                                     {"Sequence", "sequence"},
                                                                                     {"Tensor", "tensor"},
                                                                                     {"Scalar", "tensor"},
                                                                                     {"Image", "image"},
                                                                                     {"Text", "text"},
                                                                                     {"ClassLabel", "classLabel"},
                                                                                     {"Video", "video"},
                                                                                     {"BBoxFeature", "boundingBox"}}};
constexpr std::array<std::string_view, 6> kOtherKinds = {"audio",        "translation",  "jsonFeature",
                                                         "labeledImage", "pythonObject", "optionalFeature"};

// A node of either generation.
struct Node {
  std::string kind;  // content key
  const Json* content = nullptr;
  std::string where;
};

// What is known of a leaf on the way down to it.
struct Descent {
  std::string key{};
  int64_t levels = 0;
  bool per_step = false;
};

class FeaturesParser {
 public:
  explicit FeaturesParser(std::string file) : file_(std::move(file)) {}

  std::vector<TfdsFeature> parse(const Json& json) {
    const Node root = open(json, "");
    if (root.kind != "featuresDict") fail(root.where, "features are not a dictionary");
    visit(root, {});
    std::sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) { return a.shown.key < b.shown.key; });
    for (size_t i = 1; i < found_.size(); ++i) {
      if (found_[i].shown.key == found_[i - 1].shown.key) fail("", "two features have one key", found_[i].shown.key);
    }
    return std::move(found_);
  }

 private:
  [[noreturn]] void fail(const std::string& where, const char* what, const std::string& got = {}) const {
    throw Error(ErrorCode::Malformed, {.file = file_, .where = where, .what = what, .got = got});
  }
  [[noreturn]] void refuse(const std::string& where, const char* what, const std::string& got = {}) const {
    throw Error(ErrorCode::Refused, {.file = file_, .where = where, .what = what, .got = got});
  }

  Node open(const Json& json, const std::string& where) {
    const JsonObject object(json, file_, where);
    if (object.has("type")) return open_older(object, where);
    Node node;
    for (const auto& [key, value] : json.items()) {
      if (!is_content_key(key)) continue;
      if (node.content != nullptr) fail(where, "two kinds of content in one feature", key);
      node = {key, &value, where + "/" + key};
    }
    if (node.content != nullptr && node.content->is_object()) return node;
    const std::string name = object.optional_string("pythonClassName").value_or("");
    for (const auto& [key, value] : json.items()) {
      if (std::find(kOtherKinds.begin(), kOtherKinds.end(), key) != kOtherKinds.end()) {
        refuse(where, "kind of feature that is not read", name);
      }
    }
    fail(where, "feature has no content that is known", name);
  }

  Node open_older(const JsonObject& object, const std::string& where) {
    const std::string type = object.string("type");
    const std::string name = type.substr(type.rfind('.') + 1);
    const auto known = std::find_if(kClasses.begin(), kClasses.end(), [&](const auto& c) { return c.first == name; });
    if (known == kClasses.end()) refuse(where, "kind of feature that is not read", type);
    const std::string content_where = where + "/content";
    const Json& raw = object.raw();
    if (!raw.contains("content")) fail(where, "feature has no content that is known", type);
    const Json& content = raw["content"];
    if (!content.is_string()) return {std::string(known->second), &content, content_where};
    texts_.push_back(std::make_unique<Json>(parse_json(content.get_ref<const std::string&>(), file_)));
    return {std::string(known->second), texts_.back().get(), content_where};
  }

  static bool is_content_key(const std::string& key) {
    return std::any_of(kClasses.begin(), kClasses.end(), [&](const auto& c) { return c.second == key; });
  }

  void visit(const Node& node, const Descent& at) {
    if (node.kind == "featuresDict") {
      visit_dictionary(node, at);
    } else if (node.kind == "sequence") {
      const JsonObject sequence(*node.content, file_, node.where);
      Descent inner = at;
      ++inner.levels;
      inner.per_step = at.per_step || (at.levels == 0 && at.key == kSteps);
      visit(open(sequence.object("feature").raw(), node.where + "/feature"), inner);
    } else {
      add_leaf(node, at);
    }
  }

  void visit_dictionary(const Node& node, const Descent& at) {
    const JsonObject dictionary(*node.content, file_, node.where);
    // The older files have the features themselves here; one of them may be called "features".
    const bool newer = dictionary.has("features") && node.content->size() == 1 && !is_node((*node.content)["features"]);
    const Json& features = newer ? dictionary.object("features").raw() : *node.content;
    for (const auto& [name, feature] : features.items()) {
      Descent inner = at;
      inner.key += (at.key.empty() ? "" : "/") + name;
      visit(open(feature, node.where + (newer ? "/features/" : "/") + name), inner);
    }
  }

  static bool is_node(const Json& json) {
    return json.is_object() && json.contains("type") && json["type"].is_string();
  }

  void add_leaf(const Node& node, const Descent& at) {
    if (static_cast<int64_t>(found_.size()) >= limits().tfds_features) refuse(node.where, "too many features");
    TfdsFeature feature;
    feature.levels = at.levels;
    feature.shown.key = at.key;
    feature.shown.per_step = at.per_step;
    read_content(node, feature);
    feature.shown.ragged_levels = std::max<int64_t>(feature.levels - 1, 0);
    feature.shown.shape = feature.shape;
    if (feature.levels > 0 && !at.per_step) feature.shown.shape.insert(feature.shown.shape.begin(), -1);
    found_.push_back(std::move(feature));
  }

  void read_content(const Node& node, TfdsFeature& feature) {
    RldsFeature& shown = feature.shown;
    if (node.kind == "tensor") {
      read_tensor(node, feature);
    } else if (node.kind == "image") {
      shown.element = Element::Image;
      shown.picture = read_shape(node);
    } else if (node.kind == "video") {  // a sequence of pictures
      shown.element = Element::Image;
      shown.picture = read_shape(node);
      ++feature.levels;
    } else if (node.kind == "text") {
      shown.element = Element::String;
      if (node.content->contains("use_encoder")) refuse(node.where, "text stored as tokens is not read");
    } else if (node.kind == "classLabel") {
      shown.element = Element::I64;
    } else {
      constexpr int64_t kCorners = 4;
      shown.element = Element::F32;
      feature.shape = {kCorners};
    }
  }

  void read_tensor(const Node& node, TfdsFeature& feature) {
    const JsonObject content(*node.content, file_, node.where);
    const std::string dtype = content.string("dtype");
    feature.shown.element = tfds_element(dtype);
    const bool text = feature.shown.element == Element::String;
    if (text && is_other_number(dtype)) refuse(node.where + "/dtype", "kind of number that is not read", dtype);
    feature.shape = read_shape(node);
    feature.optional = content.has("optional") && content.boolean("optional");
    feature.storage = read_storage(content, node.where + "/encoding");
    const bool encoded = feature.storage != TfdsFeature::Storage::Plain;
    if (encoded && text) fail(node.where, "text cannot be stored as the bytes of a tensor");
    feature.with_shape = std::count(feature.shape.begin(), feature.shape.end(), -1) > 1;
    if (feature.with_shape && !encoded) fail(node.where, "several unknown dimensions need an encoding");
  }

  static bool is_other_number(std::string_view dtype) {
    constexpr std::array<std::string_view, 5> kPrefixes = {"complex", "float", "int", "uint", "bfloat"};
    return std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](auto prefix) { return dtype.starts_with(prefix); });
  }

  TfdsFeature::Storage read_storage(const JsonObject& content, const std::string& where) const {
    std::string encoding = content.optional_string("encoding").value_or("none");
    std::transform(encoding.begin(), encoding.end(), encoding.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (encoding == "bytes") return TfdsFeature::Storage::Bytes;
    if (encoding == "zlib") return TfdsFeature::Storage::Zlib;
    if (encoding != "none" && !encoding.empty()) refuse(where, "encoding that is not read", encoding);
    return TfdsFeature::Storage::Plain;
  }

  // {"dimensions": ["7"]}, or [7, null] in the older files; absent and {} are a single number.
  std::vector<int64_t> read_shape(const Node& node) const {
    const std::string where = node.where + "/shape";
    if (!node.content->contains("shape")) return {};
    const Json& shape = (*node.content)["shape"];
    static const Json kNone = Json::array();
    const Json* dimensions = &shape;
    if (shape.is_object()) dimensions = shape.contains("dimensions") ? &shape["dimensions"] : &kNone;
    if (!dimensions->is_array()) fail(where, "dimensions are not a list");
    constexpr size_t kMostDimensions = 32;
    if (dimensions->size() > kMostDimensions) refuse(where, "too many dimensions");
    std::vector<int64_t> sizes;
    for (const Json& dimension : *dimensions) sizes.push_back(read_dimension(dimension, where));
    refuse_large(sizes, where);
    return sizes;
  }

  int64_t read_dimension(const Json& json, const std::string& where) const {
    if (json.is_null()) return -1;
    const std::optional<int64_t> size = json_int64(json);
    if (!size) fail(where, "dimension is not a number of 64 bits", json.dump().substr(0, 80));
    if (*size < -1) fail(where, "dimension is negative", std::to_string(*size));
    if (*size > limits().tfds_dimension) refuse(where, "dimension out of range", std::to_string(*size));
    return *size;
  }

  // A size of zero must not hide how many empty lists the others ask for.
  void refuse_large(const std::vector<int64_t>& sizes, const std::string& where) const {
    int64_t product = 1;
    for (const int64_t size : sizes) product = checked_multiply(product, std::max<int64_t>(size, 1), "shape");
    constexpr int64_t kMostEmpty = 65'536;
    const bool empty = std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
    if (product > (empty ? kMostEmpty : limits().stored_value_bytes)) {
      refuse(where, "tensor too large", std::to_string(product));
    }
  }

  std::string file_;
  std::vector<std::unique_ptr<Json>> texts_;  // contents that were JSON in a string
  std::vector<TfdsFeature> found_;
};

}  // namespace

Element tfds_element(std::string_view dtype) {
  constexpr std::array kNumbers = {Element::Bool, Element::I8,  Element::I16, Element::I32, Element::I64,
                                   Element::U8,   Element::U16, Element::U32, Element::U64, Element::F16,
                                   Element::BF16, Element::F32, Element::F64};
  for (const Element element : kNumbers) {
    if (element_name(element) == dtype) return element;
  }
  return Element::String;
}

std::optional<int64_t> json_int64(const Json& json) {
  if (json.is_number_unsigned() && json.get<uint64_t>() > uint64_t{INT64_MAX}) return std::nullopt;
  if (json.is_number_integer()) return json.get<int64_t>();
  if (!json.is_string()) return std::nullopt;
  const auto& text = json.get_ref<const std::string&>();
  int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<TfdsFeature> parse_tfds_features(const Json& json, const std::string& file) {
  return FeaturesParser(file).parse(json);
}

std::vector<TfdsFeature> read_tfds_features(const Path& path) {
  return parse_tfds_features(read_json(path), path.string());
}

}  // namespace magma
