#include "magma/track/track_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"

namespace magma {

namespace {

constexpr float kFixedPoint = 1.0F / 16;  // px, of I16 coordinates
constexpr std::string_view kTracks = "/tracks";
constexpr int64_t kMaxFrames = int64_t{1} << 24;

std::string shape_text(const TensorEntry& entry) {
  return fmt::format("{} [{}]", dtype_name(entry.dtype), fmt::join(entry.shape, ", "));
}

Error malformed(const Path& path, const std::string& tensor, std::string what, std::string expected, std::string got) {
  return Error(ErrorCode::Malformed, {.file = path.string(),
                                      .where = tensor,
                                      .what = std::move(what),
                                      .expected = std::move(expected),
                                      .got = std::move(got),
                                      .hint = ""});
}

// "cat" of "cat-s001-c002"; empty where the id is not that of a clip.
std::string item_of_clip(const std::string& id) {
  constexpr size_t kShortest = std::string_view("-s000-c000").size();
  const size_t clip = id.rfind("-c");
  const size_t shot = clip == id.npos ? id.npos : id.rfind("-s", clip);
  const bool numbered = shot != id.npos && id.find_first_not_of("0123456789", clip + 2) == id.npos &&
                        id.find_first_not_of("0123456789", shot + 2) == clip && id.size() - shot >= kShortest;
  return numbered ? id.substr(0, shot) : "";
}

// The ids of the sets of tracks to read, in the order of their rows: as they were written.
std::vector<std::string> find_ids(const SafetensorsFile& file, const Path& path) {
  std::map<int64_t, std::string> ids;
  for (const auto& [name, entry] : file.tensors()) {
    if (name.ends_with(kTracks)) ids.emplace(entry.begin, name.substr(0, name.size() - kTracks.size()));
  }
  std::vector<std::string> found;
  for (const auto& [begin, id] : ids) found.push_back(id);
  const std::string item = found.empty() ? "" : item_of_clip(found[0]);
  const bool one_video = !item.empty() && std::all_of(found.begin(), found.end(), [&item](const std::string& id) {
    return item_of_clip(id) == item;
  });
  if (found.size() == 1 || one_video) return found;
  const std::string got = found.empty() ? "none" : fmt::format("{} sets of tracks", found.size());
  throw malformed(path, "", "does not hold one set of tracks", "one tensor <id>/tracks, or the clips of one video",
                  got);
}

std::vector<Point> read_points(const SafetensorsFile& file, const std::string& name, const Path& path) {
  const TensorEntry& entry = file.entry(name);
  std::vector<Point> points(static_cast<size_t>(entry.count() / 2));
  if (entry.dtype == DType::F32) {
    const std::vector<float> values = file.read_as<float>(name);
    for (size_t i = 0; i < points.size(); ++i) points[i] = {values[2 * i], values[2 * i + 1]};
  } else {
    const std::vector<int16_t> values = file.read_as<int16_t>(name);
    for (size_t i = 0; i < points.size(); ++i) {
      points[i] = {static_cast<float>(values[2 * i]) * kFixedPoint,
                   static_cast<float>(values[2 * i + 1]) * kFixedPoint};
    }
  }
  const auto bad =
      std::find_if(points.begin(), points.end(), [](Point p) { return !std::isfinite(p.x) || !std::isfinite(p.y); });
  if (bad != points.end()) {
    const int64_t index = bad - points.begin(), N = entry.shape[1];
    throw malformed(path, name, fmt::format("coordinate of frame {}, point {} is not a number", index / N, index % N),
                    "finite px", fmt::format("{}, {}", bad->x, bad->y));
  }
  return points;
}

std::vector<uint8_t> read_visible(const SafetensorsFile& file, const std::string& name, const PointTracks& tracks,
                                  const Path& path) {
  const TensorEntry& entry = file.entry(name);
  const int64_t F = tracks.F, N = tracks.N, row_bytes = (N + 7) / 8;
  const bool packed = entry.dtype == DType::U8 && entry.shape == std::vector<int64_t>{F, row_bytes};
  const bool plain = entry.dtype == DType::Bool && entry.shape == std::vector<int64_t>{F, N};
  if (!packed && !plain) {
    throw malformed(path, name, "wrong type or shape", fmt::format("U8 [{}, {}] or BOOL [{}, {}]", F, row_bytes, F, N),
                    shape_text(entry));
  }
  const std::vector<uint8_t> bytes = file.read_as<uint8_t>(name);
  std::vector<uint8_t> visible(static_cast<size_t>(F * N));
  for (int64_t i = 0; i < F * N; ++i) {
    const int64_t f = i / N, n = i % N;
    const int bit = packed ? (bytes[static_cast<size_t>(f * row_bytes + n / 8)] >> (n % 8)) & 1
                           : bytes[static_cast<size_t>(i)] != 0;
    visible[static_cast<size_t>(i)] = static_cast<uint8_t>(bit);
  }
  return visible;
}

std::vector<float> read_confidence(const SafetensorsFile& file, const std::string& name, const PointTracks& tracks,
                                   const Path& path) {
  if (!file.tensors().contains(name)) return {tracks.visible.begin(), tracks.visible.end()};
  const TensorEntry& entry = file.entry(name);
  if (entry.dtype != DType::U8 || entry.shape != std::vector<int64_t>{tracks.F, tracks.N}) {
    throw malformed(path, name, "wrong type or shape", fmt::format("U8 [{}, {}]", tracks.F, tracks.N),
                    shape_text(entry));
  }
  const std::vector<uint8_t> bytes = file.read_as<uint8_t>(name);
  std::vector<float> confidence;
  for (const uint8_t byte : bytes) confidence.push_back(static_cast<float>(byte) / 255);
  return confidence;
}

int frame_side(int64_t value, std::string_view field) {
  return static_cast<int>(bounded(value, 1, limits().frame_side_max_px, field));
}

std::optional<Size> size_from_metadata(const SafetensorsFile& file, const Path& path) {
  int side[2] = {0, 0};
  const char* keys[2] = {"track_w", "track_h"};
  for (int k = 0; k < 2; ++k) {
    const auto found = file.metadata().find(keys[k]);
    if (found == file.metadata().end()) return std::nullopt;
    const std::string& text = found->second;
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      throw malformed(path, fmt::format("__metadata__/{}", keys[k]), "not a whole number", "px", text);
    }
    side[k] = frame_side(value, keys[k]);
  }
  return Size{side[0], side[1]};
}

// `track: {w, h}` of the record with this id.
std::optional<Size> size_from_records(const Path& path, const std::string& id) {
  JsonLines lines(path);
  while (const std::optional<Json> line = lines.next()) {
    if (!line->is_object()) continue;
    const JsonObject record(*line, path.string(), lines.where());
    if (!record.has("id") || !record.has("track") || record.optional_string("id") != id) continue;
    const JsonObject track = record.object("track");
    return Size{frame_side(track.integer("w"), "track.w"), frame_side(track.integer("h"), "track.h")};
  }
  return std::nullopt;
}

// The .jsonl files of the track file's folder, then of the one above, by name.
std::vector<Path> record_files(const Path& path) {
  const Path folder = path.has_parent_path() ? path.parent_path() : Path(".");
  std::vector<Path> files;
  for (const Path& place : {folder, folder / ".."}) {
    std::vector<Path> here;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(place, error)) {
      if (entry.path().extension() == ".jsonl" && entry.is_regular_file(error)) here.push_back(entry.path());
    }
    std::sort(here.begin(), here.end());
    files.insert(files.end(), here.begin(), here.end());
  }
  return files;
}

Size find_size(const SafetensorsFile& file, const Path& path, const std::string& id, Size assume) {
  if (const std::optional<Size> size = size_from_metadata(file, path)) return *size;
  for (const Path& records : record_files(path)) {
    if (const std::optional<Size> size = size_from_records(records, id)) return *size;
  }
  return assume;
}

std::string_view bytes_of(const auto& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])};
}

}  // namespace

std::string pack_visible(const uint8_t* visible, int64_t N) {
  std::string row(static_cast<size_t>((N + 7) / 8), '\0');
  for (int64_t n = 0; n < N; ++n) {
    const int bit = visible[n] != 0 ? 1 << (n % 8) : 0;
    char& byte = row[static_cast<size_t>(n / 8)];
    byte = static_cast<char>(static_cast<unsigned char>(byte) | bit);
  }
  return row;
}

TrackFileWriter::TrackFileWriter(SafetensorsWriter& writer, std::string id, int64_t N)
    : writer_(writer), id_(std::move(id)) {
  writer_.open(id_ + "/tracks", DType::F32, {N, 2});
  writer_.open(id_ + "/visible", DType::U8, {(N + 7) / 8});
  writer_.open(id_ + "/confidence", DType::U8, {N});
}

void TrackFileWriter::write(const TrackRow& row) {
  static_assert(sizeof(Point) == 2 * sizeof(float));
  std::string confidence;
  for (const float value : row.confidence) {
    confidence += static_cast<char>(std::lround(std::clamp(value, 0.0F, 1.0F) * 255));
  }
  writer_.append(id_ + "/tracks", bytes_of(row.xy));
  writer_.append(id_ + "/visible", pack_visible(row.visible.data(), static_cast<int64_t>(row.visible.size())));
  writer_.append(id_ + "/confidence", confidence);
}

void TrackFileWriter::close() {
  for (const char* tensor : {"/tracks", "/visible", "/confidence"}) writer_.close(id_ + tensor);
}

void add_tracks(SafetensorsWriter& writer, const std::string& id, const PointTracks& tracks) {
  TrackFileWriter rows(writer, id, tracks.N);
  for (int64_t f = 0; f < tracks.F; ++f) {
    const auto begin = static_cast<ptrdiff_t>(f * tracks.N), end = begin + static_cast<ptrdiff_t>(tracks.N);
    TrackRow row;
    row.frame = f;
    row.xy.assign(tracks.xy.begin() + begin, tracks.xy.begin() + end);
    row.visible.assign(tracks.visible.begin() + begin, tracks.visible.begin() + end);
    row.confidence.assign(tracks.confidence.begin() + begin, tracks.confidence.begin() + end);
    rows.write(row);
  }
  rows.close();
}

namespace {

PointTracks read_set(const SafetensorsFile& file, const Path& path, const std::string& id, Size assume) {
  const std::string name = id + std::string(kTracks);
  const TensorEntry& entry = file.entry(name);
  const bool known = entry.dtype == DType::F32 || entry.dtype == DType::I16;
  if (!known || entry.shape.size() != 3 || entry.shape[2] != 2 || entry.count() == 0) {
    throw malformed(path, name, "wrong type or shape", "F32 or I16 [T, N, 2]", shape_text(entry));
  }
  PointTracks tracks;
  tracks.F = bounded(entry.shape[0], 1, kMaxFrames, name + " frames");
  tracks.N = bounded(entry.shape[1], 1, limits().points, name + " points");
  tracks.frame = find_size(file, path, id, assume);
  tracks.xy = read_points(file, name, path);
  tracks.visible = read_visible(file, id + "/visible", tracks, path);
  tracks.confidence = read_confidence(file, id + "/confidence", tracks, path);
  return tracks;
}

void append(PointTracks& tracks, PointTracks&& more, const std::string& id, const Path& path) {
  if (tracks.F == 0) {
    tracks = std::move(more);
    return;
  }
  if (more.N != tracks.N) {
    throw malformed(path, id, "clips of one video have different numbers of points", std::to_string(tracks.N),
                    std::to_string(more.N));
  }
  if (!(more.frame == tracks.frame)) {
    for (Point& point : more.xy) point = rescale(point, more.frame, tracks.frame);
  }
  tracks.F += more.F;
  tracks.xy.insert(tracks.xy.end(), more.xy.begin(), more.xy.end());
  tracks.visible.insert(tracks.visible.end(), more.visible.begin(), more.visible.end());
  tracks.confidence.insert(tracks.confidence.end(), more.confidence.begin(), more.confidence.end());
}

}  // namespace

PointTracks read_tracks(const Path& path, Size assume) {
  const SafetensorsFile file(path);
  PointTracks tracks;
  for (const std::string& id : find_ids(file, path)) append(tracks, read_set(file, path, id, assume), id, path);
  return tracks;
}

}  // namespace magma
