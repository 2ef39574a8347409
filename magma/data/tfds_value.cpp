#include "magma/data/tfds_value.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "magma/core/limits.h"
#include "magma/data/byte_stream.h"
#include "magma/kernel/number_format.h"

namespace magma {
namespace {

using Kind = ExampleFeature::Kind;

std::string ragged_key(const TfdsFeature& feature, const std::string& base) {
  return feature.levels > 1 ? base + "/ragged_flat_values" : base;
}
std::string base_key(const TfdsFeature& feature) { return feature.shown.key + (feature.with_shape ? "/value" : ""); }
std::string shape_key(const TfdsFeature& feature) { return feature.shown.key + "/shape"; }
std::string lengths_key(const std::string& base, int64_t level) {
  return fmt::format("{}/ragged_row_lengths_{}", base, level);
}

bool is_integer(Element element) { return element <= Element::U64; }
bool is_encoded(const TfdsFeature& feature) { return feature.storage != TfdsFeature::Storage::Plain; }
bool is_text(Element element) { return element == Element::String || element == Element::Image; }

Kind stored_kind(const TfdsFeature& feature) {
  if (is_encoded(feature) || is_text(feature.shown.element)) return Kind::Bytes;
  return is_integer(feature.shown.element) ? Kind::Ints : Kind::Floats;
}

// Values of the dimensions that are known.
int64_t known_values(const std::vector<int64_t>& shape) {
  int64_t product = 1;
  for (const int64_t size : shape) product = checked_multiply(product, size < 0 ? 1 : size, "shape");
  return product;
}

class Decoder {
 public:
  Decoder(const TfdsFeature& feature, const Example& example, int64_t steps)
      : feature_(feature), example_(example), steps_(steps) {}

  StoredValue decode() {
    const ExampleFeature values = stored(ragged_key(feature_, base_key(feature_)), stored_kind(feature_));
    value_.element = feature_.shown.element;
    if (feature_.optional && values.kind == Kind::None && !feature_.shown.per_step) return absent();
    const int64_t items = count_items(values);
    if (is_encoded(feature_)) {
      decode_tensors(feature_bytes(values), items);
      return std::move(value_);
    }
    const int64_t unknown = unknown_size(values.count, items);
    if (feature_.levels > 0) value_.shape.push_back(items);
    for (const int64_t size : feature_.shape) value_.shape.push_back(size < 0 ? unknown : size);
    decode_plain(values);
    return std::move(value_);
  }

 private:
  [[noreturn]] void fail(const char* what, const std::string& expected, const std::string& got,
                         const std::string& place = {}) const {
    throw Error(ErrorCode::Malformed, {.where = place, .what = what, .expected = expected, .got = got});
  }
  [[noreturn]] void fail_count(int64_t expected, int64_t got) const {
    fail("feature has not as many values as it should", std::to_string(expected), std::to_string(got));
  }

  // Absent, and one of no values, whatever their kind, are the same.
  ExampleFeature stored(const std::string& key, Kind kind) const {
    const ExampleFeature* found = example_.find(key);
    if (found == nullptr) return {};
    if (found->kind != kind && found->count > 0) {
      fail("feature holds another kind of values", std::string(kind_name(kind)), std::string(kind_name(found->kind)));
    }
    return *found;
  }

  StoredValue absent() {
    value_.shape = feature_.shape;
    std::replace(value_.shape.begin(), value_.shape.end(), int64_t{-1}, int64_t{0});
    value_.shape.insert(value_.shape.begin(), 0);
    return std::move(value_);
  }

  // Tensors, or texts or numbers of their own, that all sequences hold together.
  int64_t count_items(const ExampleFeature& values) {
    if (feature_.levels == 0) return 1;
    if (feature_.levels > 1) return read_row_lengths(base_key(feature_), value_.row_lengths);
    if (feature_.shown.per_step) return steps_;
    const int64_t each = is_encoded(feature_) ? 1 : known_values(feature_.shape);
    const bool unknown = std::count(feature_.shape.begin(), feature_.shape.end(), -1) > 0;
    if ((unknown && !is_encoded(feature_)) || each == 0) {
      if (values.count == 0) return 0;
      throw Error(ErrorCode::Refused, {.what = "two lengths are unknown, one number of values"});
    }
    if (values.count % each != 0)
      fail("values do not fill whole tensors", fmt::format("a multiple of {}", each), std::to_string(values.count));
    return values.count / each;
  }

  // Returns what the innermost add up to.
  int64_t read_row_lengths(const std::string& base, std::vector<std::vector<int64_t>>& levels) const {
    int64_t rows = feature_.shown.per_step ? steps_ : -1;
    for (int64_t level = 0; level + 1 < feature_.levels; ++level) {
      const std::vector<int64_t> lengths = feature_ints(stored(lengths_key(base, level), Kind::Ints));
      const auto count = static_cast<int64_t>(lengths.size());
      if (rows >= 0 && count != rows) {
        fail("row lengths are not as many as the rows", std::to_string(rows), std::to_string(count));
      }
      rows = 0;
      for (const int64_t length : lengths) {
        if (length < 0) fail("row length is negative", "0 or more", std::to_string(length));
        rows = checked_add(rows, length, "row lengths");
      }
      levels.push_back(lengths);
    }
    return rows;
  }

  // Of the one dimension that is not known; -1: there is none.
  int64_t unknown_size(int64_t count, int64_t items) const {
    const int64_t known = checked_multiply(items, known_values(feature_.shape), "shape");
    if (std::count(feature_.shape.begin(), feature_.shape.end(), -1) == 0) {
      if (count != known) fail_count(known, count);
      return -1;
    }
    if (known == 0) {
      if (count != 0) fail_count(0, count);
      return 0;
    }
    if (count % known != 0)
      fail("values do not fill whole tensors", fmt::format("a multiple of {}", known), std::to_string(count));
    return count / known;
  }

  void decode_plain(const ExampleFeature& values) {
    const Element element = value_.element;
    if (is_text(element)) {
      for (const std::string_view text : feature_bytes(values)) value_.strings.emplace_back(text);
    } else if (is_integer(element)) {
      decode_integers(feature_ints(values));
    } else {
      decode_floats(feature_float_bytes(values));
    }
  }

  void decode_integers(const std::vector<int64_t>& values) {
    const auto bytes = static_cast<size_t>(element_bytes(value_.element));
    int64_t least = std::numeric_limits<int64_t>::min(), most = std::numeric_limits<int64_t>::max();
    const auto bits = static_cast<unsigned>(8 * bytes);
    if (value_.element == Element::Bool) {
      least = 0;
      most = 1;
    } else if (bytes < sizeof(int64_t)) {
      const bool is_signed = value_.element < Element::U8;
      least = is_signed ? -(int64_t{1} << (bits - 1)) : 0;
      most = (int64_t{1} << (is_signed ? bits - 1 : bits)) - 1;
    }
    value_.bytes.resize(values.size() * bytes);
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] < least || values[i] > most) {
        fail("number does not fit its dtype", std::string(element_name(value_.element)), std::to_string(values[i]),
             fmt::format("value {}", i));
      }
      std::memcpy(value_.bytes.data() + i * bytes, &values[i], bytes);  // little-endian
    }
  }

  void decode_floats(std::string floats) {
    if (value_.element == Element::F32) {
      value_.bytes = std::move(floats);
      return;
    }
    const size_t count = floats.size() / sizeof(float);
    const auto bytes = static_cast<size_t>(element_bytes(value_.element));
    value_.bytes.resize(count * bytes);
    for (size_t i = 0; i < count; ++i) {
      float number = 0;
      std::memcpy(&number, floats.data() + i * sizeof number, sizeof number);
      char* to = value_.bytes.data() + i * bytes;
      if (value_.element == Element::F64) {
        const double wide = number;
        std::memcpy(to, &wide, sizeof wide);
      } else {
        const uint16_t narrow = value_.element == Element::F16 ? to_f16(number) : to_bf16(number);
        std::memcpy(to, &narrow, sizeof narrow);
      }
    }
  }

  void decode_tensors(const std::vector<std::string_view>& strings, int64_t items) {
    if (static_cast<int64_t>(strings.size()) != items) fail_count(items, static_cast<int64_t>(strings.size()));
    const std::vector<int64_t> stored_shapes = read_shapes(items);
    const size_t rank = feature_.shape.size();
    std::vector<std::vector<int64_t>> shapes;
    for (size_t i = 0; i < strings.size(); ++i) {
      const size_t had = value_.bytes.size();
      append_tensor(strings[i], i);
      const auto got = static_cast<int64_t>(value_.bytes.size() - had);
      std::vector<int64_t> shape = feature_.shape;
      if (feature_.with_shape) shape.assign(stored_shapes.begin() + i * rank, stored_shapes.begin() + (i + 1) * rank);
      resolve_shape(shape, got, i);
      shapes.push_back(std::move(shape));
    }
    if (value_.element == Element::Bool) check_bools();
    combine_shapes(shapes, items);
  }

  void append_tensor(std::string_view string, size_t item) {
    const Limits& most = limits();
    if (feature_.storage == TfdsFeature::Storage::Bytes) {
      value_.bytes += string;
      return;
    }
    packed_ += static_cast<int64_t>(string.size());
    const auto had = static_cast<int64_t>(value_.bytes.size());
    try {
      value_.bytes += unpack_zlib(string, most.stored_value_bytes - had);
    } catch (const Error& error) {
      throw error.with_where(place_of(item));
    }
    const int64_t ratio = static_cast<int64_t>(value_.bytes.size()) / std::max<int64_t>(packed_, 1);
    const bool exact = std::count(feature_.shape.begin(), feature_.shape.end(), -1) == 0;
    if (!exact && static_cast<int64_t>(value_.bytes.size()) > most.stored_value_free_bytes &&
        ratio >= most.unpacked_ratio) {
      throw Error(ErrorCode::Refused, {.where = place_of(item),
                                       .what = "unpacks to far more than it is",
                                       .expected = fmt::format("less than {}:1", most.unpacked_ratio),
                                       .got = fmt::format("{}:1", ratio)});
    }
  }

  std::string place_of(size_t item) const {
    return fmt::format("{} {}", feature_.shown.per_step && feature_.levels == 1 ? "step" : "item", item);
  }

  std::vector<int64_t> read_shapes(int64_t items) const {
    if (!feature_.with_shape) return {};
    std::vector<int64_t> shapes = feature_ints(stored(ragged_key(feature_, shape_key(feature_)), Kind::Ints));
    const int64_t expected = checked_multiply(items, static_cast<int64_t>(feature_.shape.size()), "shape");
    if (static_cast<int64_t>(shapes.size()) != expected) {
      fail("shapes are not as many as the tensors", std::to_string(expected), std::to_string(shapes.size()));
    }
    return shapes;
  }

  // Fills in a dimension that is not known, and checks the bytes.
  void resolve_shape(std::vector<int64_t>& shape, int64_t bytes, size_t item) const {
    for (size_t i = 0; i < shape.size(); ++i) {
      if (!feature_.with_shape) continue;
      const bool fits = feature_.shape[i] < 0 ? shape[i] >= 0 : shape[i] == feature_.shape[i];
      if (!fits) fail("stored shape is not that of the feature", "", std::to_string(shape[i]), place_of(item));
    }
    const int64_t known = checked_multiply(known_values(shape), element_bytes(value_.element), "shape");
    const auto unknown = std::find(shape.begin(), shape.end(), -1);
    if (unknown != shape.end()) {
      if (known == 0 ? bytes != 0 : bytes % known != 0) {
        fail("tensor is not whole", fmt::format("a multiple of {} bytes", known), std::to_string(bytes),
             place_of(item));
      }
      *unknown = known == 0 ? 0 : bytes / known;
    } else if (bytes != known) {
      fail("tensor has not the bytes of its shape", std::to_string(known), std::to_string(bytes), place_of(item));
    }
  }

  void check_bools() const {
    for (const char byte : value_.bytes) {
      if (byte != 0 && byte != 1) fail("byte is not a truth value", "0 or 1", std::to_string(byte));
    }
  }

  // Tensors of one shape are stacked. Of several, the dimensions up to the last one that differs become sequences.
  void combine_shapes(const std::vector<std::vector<int64_t>>& shapes, int64_t items) {
    std::vector<int64_t> common = feature_.shape;
    std::replace(common.begin(), common.end(), int64_t{-1}, int64_t{0});
    if (!shapes.empty()) common = shapes.front();
    size_t ragged = 0;
    for (const auto& shape : shapes) {
      for (size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] != common[i]) ragged = std::max(ragged, i + 1);
      }
    }
    std::vector<int64_t> rows(shapes.size(), 1);  // of each tensor at this level
    int64_t total = items;
    for (size_t level = 0; level < ragged; ++level) {
      std::vector<int64_t> lengths;
      total = 0;
      for (size_t i = 0; i < shapes.size(); ++i) {
        bounded(checked_add(static_cast<int64_t>(lengths.size()), rows[i], "rows"), 0,
                static_cast<int64_t>(value_.bytes.size()) + items, "rows of tensors of different shapes");
        lengths.insert(lengths.end(), static_cast<size_t>(rows[i]), shapes[i][level]);
        rows[i] = checked_multiply(rows[i], shapes[i][level], "rows");
        total = checked_add(total, rows[i], "rows");
      }
      value_.row_lengths.push_back(std::move(lengths));
    }
    if (feature_.levels > 0) value_.shape.push_back(total);
    value_.shape.insert(value_.shape.end(), common.begin() + static_cast<std::ptrdiff_t>(ragged), common.end());
  }

  const TfdsFeature& feature_;
  const Example& example_;
  int64_t steps_;
  StoredValue value_;
  int64_t packed_ = 0;
};

Error at_feature(const Error& error, const TfdsFeature& feature) {
  ErrorFields fields = error.fields();
  fields.where = fmt::format("feature {}{}{}", feature.shown.key, fields.where.empty() ? "" : ", ", fields.where);
  return {error.code(), std::move(fields)};
}

}  // namespace

int64_t count_steps(const TfdsFeature& feature, const Example& example) {
  const ExampleFeature* stored = example.find(base_key(feature));
  if (stored == nullptr) return 0;
  const int64_t each = is_encoded(feature) ? 1 : std::max<int64_t>(known_values(feature.shape), 1);
  if (stored->count % each == 0) return stored->count / each;
  throw at_feature(Error(ErrorCode::Malformed, {.what = "values do not fill whole tensors",
                                                .expected = fmt::format("a multiple of {}", each),
                                                .got = std::to_string(stored->count)}),
                   feature);
}

StoredValue decode_feature(const TfdsFeature& feature, const Example& example, int64_t steps) {
  try {
    return Decoder(feature, example, steps).decode();
  } catch (const Error& error) {
    throw at_feature(error, feature);
  }
}

std::vector<std::string> stored_keys(const TfdsFeature& feature) {
  std::vector<std::string> bases = {base_key(feature)};
  if (feature.with_shape) bases.push_back(shape_key(feature));
  std::vector<std::string> keys;
  for (const std::string& base : bases) {
    keys.push_back(ragged_key(feature, base));
    for (int64_t level = 0; level + 1 < feature.levels; ++level) keys.push_back(lengths_key(base, level));
  }
  return keys;
}

}  // namespace magma
