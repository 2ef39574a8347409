#include "magma/data/trace_file.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/core/utf8.h"

namespace magma {
namespace {

using Kind = TorchValue::Kind;

// One value of the file and how to reach it.
struct Entry {
  const TorchValue& value;
  const std::string& file;
  std::string key;

  [[noreturn]] void refuse(const char* what, const char* expected, std::string got = {}) const {
    throw Error(ErrorCode::Malformed,
                {.file = file, .where = key, .what = what, .expected = expected, .got = std::move(got)});
  }
  Entry item(size_t i) const { return {value.items[i], file, fmt::format("{}[{}]", key, i)}; }
  bool is_list() const { return value.kind == Kind::List || value.kind == Kind::Tuple; }
  bool is_numbers() const {
    return value.value != nullptr && value.value->element != Element::String && value.value->element != Element::Image;
  }
};

template <typename T>
double number_at(const std::string& bytes, size_t i) {
  T number;
  std::memcpy(&number, bytes.data() + i * sizeof(T), sizeof(T));
  return static_cast<double>(number);
}

// Number `i` of a tensor; nullopt for a kind of number that no trace holds.
std::optional<double> number(const StoredValue& value, size_t i) {
  switch (value.element) {
    case Element::Bool:
    case Element::U8:
      return number_at<uint8_t>(value.bytes, i);
    case Element::I16:
      return number_at<int16_t>(value.bytes, i);
    case Element::I32:
      return number_at<int32_t>(value.bytes, i);
    case Element::I64:
      return number_at<int64_t>(value.bytes, i);
    case Element::F32:
      return number_at<float>(value.bytes, i);
    case Element::F64:
      return number_at<double>(value.bytes, i);
    default:
      return std::nullopt;
  }
}

double single(const Entry& entry) {
  if (entry.value.kind == Kind::Float) return entry.value.real;
  if (entry.is_numbers() && entry.value.value->count() == 1) {
    if (const auto known = number(*entry.value.value, 0)) return *known;
  }
  if (entry.is_list() && entry.value.items.size() == 1) return single(entry.item(0));  // a batch of one
  if (entry.value.kind != Kind::Int) entry.refuse("wrong type", "a number");
  int64_t integer = 0;
  const std::string& digits = entry.value.text;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), integer);
  if (failed != std::errc() || end != digits.data() + digits.size()) entry.refuse("out of range", "64 bits", digits);
  return static_cast<double>(integer);
}

int64_t integer(const Entry& entry) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  const double known = single(entry);
  if (!(std::abs(known) <= kExact) || known != std::floor(known)) {
    entry.refuse("not a whole number", "up to 2^53", std::to_string(known));
  }
  return static_cast<int64_t>(known);
}

std::string text(const Entry& entry) {
  if (entry.is_list() && entry.value.items.size() == 1) return text(entry.item(0));  // a batch of one
  if (entry.value.kind != Kind::String && entry.value.kind != Kind::Bytes) entry.refuse("wrong type", "text");
  if (find_invalid_utf8(entry.value.text) != std::string_view::npos) entry.refuse("not UTF-8", "text");
  return entry.value.text;
}

std::array<int64_t, 2> pair(const Entry& entry) {
  if (entry.is_list() && entry.value.items.size() == 2) return {integer(entry.item(0)), integer(entry.item(1))};
  if (!entry.is_numbers() || entry.value.value->count() != 2) entry.refuse("wrong type", "two numbers");
  std::array<int64_t, 2> result{};
  for (size_t i = 0; i < 2; ++i) {
    const double known = number(*entry.value.value, i).value_or(-1);
    if (!(known >= 0 && known <= 1e9) || known != std::floor(known)) entry.refuse("wrong type", "two whole numbers");
    result[i] = static_cast<int64_t>(known);
  }
  return result;
}

ActionNumbers action(const Entry& entry) {
  ActionNumbers result{};
  if (!entry.is_numbers() || entry.value.value->count() != static_cast<int64_t>(kActionNumbers)) {
    entry.refuse("wrong type", "7 numbers");
  }
  for (size_t i = 0; i < kActionNumbers; ++i) {
    const std::optional<double> known = number(*entry.value.value, i);
    if (!known || !std::isfinite(*known)) entry.refuse("not an action", "7 finite numbers");
    result[i] = *known;
  }
  return result;
}

std::string shape_text(const std::vector<int64_t>& shape) { return fmt::format("{}", fmt::join(shape, " x ")); }

// The shape without the axis of a batch of one: [T, N, 2] or [T, N].
std::vector<int64_t> clip_shape(const Entry& entry, size_t rank, const char* expected) {
  if (!entry.is_numbers()) entry.refuse("wrong type", expected);
  std::vector<int64_t> shape = entry.value.value->shape;
  if (shape.size() == rank + 1 && shape.front() == 1) shape.erase(shape.begin());
  if (shape.size() != rank) entry.refuse("wrong shape", expected, shape_text(entry.value.value->shape));
  return shape;
}

void read_places(const Entry& entry, PointTracks& tracks) {
  const std::vector<int64_t> shape = clip_shape(entry, 3, "a tensor [1, T, N, 2] or [T, N, 2]");
  if (shape[2] != 2) entry.refuse("wrong shape", "[1, T, N, 2] or [T, N, 2]", shape_text(shape));
  tracks.F = bounded(shape[0], 1, limits().trace_frames, entry.key + " frames");
  tracks.N = bounded(shape[1], 1, limits().points, entry.key + " points");
  const StoredValue& value = *entry.value.value;
  const auto places = static_cast<size_t>(checked_multiply(tracks.F, tracks.N, entry.key));
  tracks.xy.resize(places);
  for (size_t i = 0; i < places; ++i) {
    const std::optional<double> x = number(value, 2 * i), y = number(value, 2 * i + 1);
    constexpr double kFarthest = 1e6;
    if (!x || !y || !(std::abs(*x) < kFarthest) || !(std::abs(*y) < kFarthest)) {
      entry.refuse("not a place in a picture", "numbers of pixels");
    }
    tracks.xy[i] = {static_cast<float>(*x), static_cast<float>(*y)};
  }
}

void read_visibility(const Entry& entry, PointTracks& tracks) {
  const std::vector<int64_t> shape = clip_shape(entry, 2, "a tensor [1, T, N] or [T, N]");
  const StoredValue& value = *entry.value.value;
  if (value.element != Element::Bool && value.element != Element::U8) {
    entry.refuse("wrong type", "booleans", std::string(element_name(value.element)));
  }
  if (shape[0] != tracks.F || shape[1] != tracks.N) {
    entry.refuse("visibility does not go with the tracks", "as many frames and points", shape_text(shape));
  }
  for (const char visible : value.bytes) {
    tracks.visible.push_back(visible != 0 ? 1 : 0);
    tracks.confidence.push_back(visible != 0 ? 1 : 0);
  }
}

void read_tracks(const TorchValue& dict, const std::string& file, PointTracks& tracks) {
  if (const TorchValue* both = dict.find("trace_info")) {
    const Entry entry{*both, file, "trace_info"};
    if (!entry.is_list() || both->items.size() != 2) entry.refuse("wrong type", "a tuple (tracks, visibility)");
    read_places(entry.item(0), tracks);
    read_visibility(entry.item(1), tracks);
    return;
  }
  for (const char* key : {"pred_tracks", "pred_visibility"}) {
    const TorchValue* value = dict.find(key);
    if (value == nullptr) {
      throw Error(ErrorCode::Malformed,
                  {.file = file, .where = key, .what = "missing", .expected = "this key, or trace_info"});
    }
    const Entry entry{*value, file, key};
    tracks.F == 0 ? read_places(entry, tracks) : read_visibility(entry, tracks);
  }
}

template <typename Value, typename Parse>
void take(const TorchValue& dict, const std::string& file, const char* key, std::optional<Value>& into, Parse parse) {
  if (const TorchValue* value = dict.find(key)) into = parse(Entry{*value, file, key});
}

}  // namespace

TraceFile read_trace_file(const Path& path) { return parse_trace(read_torch_file(path), path.string()); }

TraceFile parse_trace(const TorchValue& value, const std::string& file) {
  if (value.kind != Kind::Dict) {
    throw Error(ErrorCode::Malformed, {.file = file, .what = "not a trace", .expected = "a dict"});
  }
  TraceFile trace;
  read_tracks(value, file, trace.tracks);
  take(value, file, "dataset_name", trace.dataset_name, text);
  take(value, file, "lang", trace.lang, text);
  take(value, file, "traj_index", trace.traj_index, integer);
  take(value, file, "frame_index", trace.frame_index, integer);
  take(value, file, "action", trace.action, action);
  take(value, file, "image_size", trace.image_size, pair);
  take(value, file, "(height,width)", trace.height_width, pair);
  take(value, file, "frame_interval", trace.frame_interval, pair);
  take(value, file, "global_instructions", trace.global_instructions, text);
  take(value, file, "gpt_response", trace.gpt_response, text);
  return trace;
}

}  // namespace magma
