#include "magma/data/video_item.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/limits.h"

namespace magma {
namespace {

// A value of an item and where it is, for errors. Items of a torch list hold batches of one: [x] means x.
struct Field {
  const Json* value;
  std::string file, where;

  [[noreturn]] void refuse(const char* expected) const {
    throw Error(ErrorCode::Malformed, {.file = file,
                                       .where = where,
                                       .what = value == nullptr ? "missing" : "wrong type",
                                       .expected = expected,
                                       .got = value == nullptr ? "" : value->type_name()});
  }
  bool absent() const { return value == nullptr || value->is_null(); }
  Field at(size_t i) const { return {&(*value)[i], file, fmt::format("{}/{}", where, i)}; }
  Field unpacked() const { return value != nullptr && value->is_array() && value->size() == 1 ? at(0) : *this; }

  std::string text() const {
    const Field one = unpacked();
    if (one.value == nullptr || !one.value->is_string()) one.refuse("text");
    return one.value->get<std::string>();
  }
  int64_t integer() const {
    constexpr double kMost = 1e9;
    const Field one = unpacked();
    if (one.value == nullptr || !one.value->is_number()) one.refuse("a whole number");
    const double number = one.value->get<double>();
    if (!(number >= 0 && number <= kMost) || number != std::floor(number)) one.refuse("a whole number up to 1e9");
    return static_cast<int64_t>(number);
  }
  std::optional<std::array<int64_t, 2>> pair() const {
    if (absent()) return std::nullopt;
    const Field list = unpacked();
    if (!list.value->is_array() || list.value->size() != 2) list.refuse("two numbers");
    return std::array<int64_t, 2>{list.at(0).integer(), list.at(1).integer()};
  }
};

class Fields {
 public:
  Fields(const Json& item, const std::string& file, const std::string& where)
      : item_(item), file_(file), where_(where) {
    if (!item.is_object()) Field{&item, file, where}.refuse("an object");
  }
  Field operator[](const char* key) const {
    const auto found = item_.find(key);
    return {found == item_.end() ? nullptr : &*found, file_, where_ + "/" + key};
  }

 private:
  const Json& item_;
  const std::string& file_;
  const std::string& where_;
};

// "start_12.5" -> 12.5
double last_number(std::string_view part) {
  const std::string_view digits = part.substr(part.rfind('_') + 1);
  double number = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failed == std::errc() && end == digits.data() + digits.size() && std::isfinite(number)) return number;
  throw Error(ErrorCode::Malformed, {.what = "a video that does not tell its start and end",
                                     .expected = "start_<seconds>___end_<seconds>___...",
                                     .got = std::string(part)});
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::string without_site(const std::string& name, std::string_view site) {
  const size_t at = name.find(site);
  return at == std::string::npos ? name : name.substr(at + site.size());
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Sides in the same proportion, as far as rounding of a smaller picture lets them be.
bool goes_with(std::array<int64_t, 2> size, Size video) {
  constexpr double kRounding = 0.02;
  const double ratio = static_cast<double>(size[0]) * video.h / (static_cast<double>(size[1]) * video.w);
  return std::abs(ratio - 1) <= kRounding;
}

Size bounded_size(std::array<int64_t, 2> size) {
  const int64_t most = limits().frame_side_max_px;
  return {static_cast<int>(bounded(size[0], 1, most, "image_size width")),
          static_cast<int>(bounded(size[1], 1, most, "image_size height"))};
}

}  // namespace

VideoFamily video_family(const std::string& tag) {
  if (tag == "ego4d" || tag == "exoego4d") return {.annotated = true, .ego_centric = true, .min_speed_cells = 2};
  if (tag == "sthv2") return {.annotated = true, .min_speed_cells = 2};
  if (tag == "epic") return {.ego_centric = true, .scenes = true, .min_speed_cells = 1};
  if (tag == "youcook2" || tag == "coin") return {.narrated = true, .min_speed_cells = 1};
  throw Error(ErrorCode::Usage, {.where = "tag",
                                 .what = "no family of videos",
                                 .expected = "ego4d, sthv2, exoego4d, epic, youcook2 or coin",
                                 .got = tag});
}

void VideoItem::merge(const TraceFile& given) {
  const auto take = [](auto& mine, const auto& theirs) {
    if (theirs) mine = *theirs;
  };
  take(image_size, given.image_size);
  take(height_width, given.height_width);
  take(frame_interval, given.frame_interval);
  take(instruction, given.global_instructions);
  take(response, given.gpt_response);
}

std::array<int64_t, 2> VideoItem::interval() const {
  if (!frame_interval) {
    throw Error(ErrorCode::Malformed, {.where = "frame_interval", .what = "missing", .expected = "[first, end]"});
  }
  if ((*frame_interval)[0] >= (*frame_interval)[1]) {
    throw Error(ErrorCode::Malformed, {.where = "frame_interval",
                                       .what = "no frame lies in the interval",
                                       .expected = "first < end",
                                       .got = fmt::format("[{}, {}]", (*frame_interval)[0], (*frame_interval)[1])});
  }
  return *frame_interval;
}

VideoItem parse_video_item(const Json& item, const VideoFamily& family, const std::string& file,
                           const std::string& where) {
  const Fields fields(item, file, where);
  VideoItem result;
  result.video = fields["video"].text();
  if (family.annotated) {
    result.trace = fields["trace"].text();
    result.instruction = fields["annotations"].text();
  } else {
    if (!fields["global_instructions"].absent()) result.instruction = fields["global_instructions"].text();
    result.response = fields["gpt_response"].text();
    result.caption = !fields["task"].absent() && fields["task"].text() == "captioner";
  }
  result.image_size = fields["image_size"].pair();
  result.height_width = fields["(height,width)"].pair();
  result.frame_interval = fields["frame_interval"].pair();
  return result;
}

bool passes_ego4d(const VideoItem& item) {
  if (item.instruction.empty()) return false;
  for (const char* word : {"converse", "walk", "laugh", "stand", "move around", "looks around"}) {
    if (contains(item.instruction, word)) return false;
  }
  constexpr std::string_view kBetween = "___";
  const std::string_view name = base_name(item.video);
  const std::string_view first = name.substr(0, name.find(kBetween));
  const std::string_view rest = name.substr(std::min(name.size(), first.size() + kBetween.size()));
  return last_number(rest.substr(0, rest.find(kBetween))) - last_number(first) >= 1;
}

bool passes_epic(const VideoItem& item) {
  for (const char* word : {"closeup", "close-up", "close up"}) {
    if (contains(item.response, word)) return false;
  }
  return contains(item.response, "What you should do next");
}

MediaPath video_path(const VideoItem& item, const VideoFamily& family, const std::string& folder) {
  return media_path(
      folder, without_site(item.video, family.annotated ? "vlp_datasets/" : "video_datasets_visual_traces/YouCook2/"));
}

MediaPath trace_path(const VideoItem& item, const VideoFamily& family, const std::string& folder) {
  if (item.trace) return media_path(folder, *item.trace);
  const std::string name = video_path(item, family, folder).name;
  const std::string_view base = base_name(name);
  const std::string_view stem = base.substr(0, base.find('.'));
  const auto [first, end] = item.interval();
  const std::string trace = fmt::format("trace_{:09d}_{:09d}.pth", first, end);
  if (contains(folder, "epic")) return media_path(folder, fmt::format("visual_trace/{}/{}", stem, trace));
  if (contains(lower(folder), "youcook2") || contains(lower(item.video), "youcook2")) {
    return media_path(folder, fmt::format("all_detected_visual_traces_30fps/{}_{}", stem, trace));
  }
  return media_path(folder, fmt::format("visual_traces/{}/{}", stem, trace));
}

Size tracked_size(const VideoItem& item, Size video) {
  if (item.image_size) return bounded_size(*item.image_size);
  if (!item.height_width) {
    throw Error(ErrorCode::Malformed,
                {.where = "image_size", .what = "missing", .expected = "[width, height], or (height,width)"});
  }
  const Size named = bounded_size({(*item.height_width)[1], (*item.height_width)[0]});
  const Size turned{named.h, named.w};
  for (const Size size : {named, turned}) {
    if (size == video) return size;
  }
  for (const Size size : {named, turned}) {
    if (goes_with({size.w, size.h}, video)) return size;
  }
  throw Error(ErrorCode::Malformed, {.where = "(height,width)",
                                     .what = "a size that the video does not have",
                                     .expected = fmt::format("{}, {} or in proportion", video.h, video.w),
                                     .got = fmt::format("{}, {}", named.h, named.w)});
}

}  // namespace magma
