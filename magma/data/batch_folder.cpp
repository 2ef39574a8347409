#include "magma/data/batch_folder.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string_view>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/config.h"
#include "magma/core/hash.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"
#include "magma/data/stored_value.h"
#include "magma/nn/safetensors.h"

namespace magma {
namespace {

constexpr int64_t kVersion = 1;
constexpr int64_t kHashedBytes = int64_t{4} << 30;  // of all sources together; beyond it size and time must do

template <typename T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

int64_t modified_at(const Path& file) { return std::filesystem::last_write_time(file).time_since_epoch().count(); }

int64_t size_of(const Path& file) {
  require_readable_file(file);
  return static_cast<int64_t>(std::filesystem::file_size(file));
}

Json fingerprint(const std::vector<Path>& files) {
  int64_t total = 0;
  for (const Path& file : files) total += size_of(file);
  Json list = Json::array();
  for (const Path& file : files) {
    list.push_back({{"file", file.string()},
                    {"size", size_of(file)},
                    {"modified", modified_at(file)},
                    {"hash", total > kHashedBytes ? "" : hex64(hash_file(file))}});
  }
  return list;
}

Json entries_of(const DataSource& source) {
  Json list = Json::array();
  for (const DataEntry& entry : source.entries) {
    list.push_back({{"path", entry.path},
                    {"tag", entry.options.tag},
                    {"dataset", entry.options.dataset},
                    {"weight", entry.weight},
                    {"image_folder", entry.options.image_folder}});
  }
  return list;
}

Error changed(const std::string& file, const char* what) {
  return Error(ErrorCode::Usage, {.file = file, .what = what, .hint = "start the stream anew, or bring the data back"});
}

Json state_json(const StreamState& state) {
  return {{"version", kVersion},
          {"seed", state.seed},
          {"order", state.shuffled ? "shuffled" : "file"},
          {"batch_size", state.batch_size},
          {"next_batch", state.position.batch},
          {"candidate", state.position.candidate},
          {"rows", state.position.rows},
          {"skipped", state.position.skipped}};
}

// [rows, longest] of `values`, filled up on the right.
template <typename Value, typename Values>
std::vector<Value> padded(const Batch& batch, size_t longest, Value fill, const Values& values) {
  std::vector<Value> all;
  for (const BatchRow& row : batch.rows) {
    const auto& own = values(row);
    for (const auto& value : own) all.push_back(static_cast<Value>(value));
    all.resize(all.size() + longest - own.size(), fill);
  }
  return all;
}

void write_tokens(SafetensorsWriter& file, const Batch& batch, TokenId pad) {
  size_t longest = 0;
  for (const BatchRow& row : batch.rows) longest = std::max(longest, row.tokens.ids.size());
  const auto ids = padded<int64_t>(batch, longest, pad, [](const BatchRow& row) { return row.tokens.ids; });
  const auto labels = padded<int64_t>(batch, longest, kNoLoss, [](const BatchRow& row) { return row.tokens.labels; });
  std::vector<uint8_t> mask;
  for (const int64_t id : ids) mask.push_back(id != pad ? 1 : 0);
  const std::vector<int64_t> shape = {static_cast<int64_t>(batch.rows.size()), static_cast<int64_t>(longest)};
  file.add("input_ids", DType::I64, shape, bytes_of(ids));
  file.add("labels", DType::I64, shape, bytes_of(labels));
  file.add("attention_mask", DType::Bool, shape, bytes_of(mask));
}

void write_pictures(SafetensorsWriter& file, const Batch& batch) {
  int64_t most_crops = 0, side = 0;
  size_t most_pictures = 0;
  for (const BatchRow& row : batch.rows) {
    int64_t crops = 0;
    for (const ImageCrops& picture : row.crops) {
      crops += picture.grid.rows * picture.grid.cols;
      side = picture.base;
    }
    most_crops = std::max(most_crops, crops);
    most_pictures = std::max(most_pictures, row.crops.size());
  }
  if (most_pictures == 0) return;
  const auto row_values = static_cast<size_t>(most_crops * 3 * side * side);
  std::vector<int64_t> sizes;
  file.open("pixel_values", DType::F32, {most_crops, 3, side, side});
  for (const BatchRow& row : batch.rows) {
    std::vector<float> values;
    values.reserve(row_values);
    for (const ImageCrops& picture : row.crops) {
      values.insert(values.end(), picture.values.begin(), picture.values.end());
      sizes.insert(sizes.end(), {picture.grid.rows, picture.grid.cols});
    }
    values.resize(row_values);
    file.append("pixel_values", bytes_of(values));
    sizes.resize(sizes.size() + 2 * (most_pictures - row.crops.size()));
  }
  file.close("pixel_values");
  file.add("image_sizes", DType::I64, {static_cast<int64_t>(batch.rows.size()), static_cast<int64_t>(most_pictures), 2},
           bytes_of(sizes));
}

std::string row_line(const Batch& batch, size_t number) {
  const BatchRow& row = batch.rows[number];
  std::string line = fmt::format(R"({{"batch":{},"row":{},"origin":)", batch.number, number);
  append_json(line, row.origin);
  const auto text = [&](const char* name, const std::string& value) {
    line += fmt::format(R"(,"{}":)", name);
    append_json_text(line, value);
  };
  text("tag", row.tag);
  text("dataset", row.dataset);
  text("text", row.tokens.text);
  line += R"(,"images":[)";
  for (size_t i = 0; i < row.image_names.size(); ++i) {
    if (i > 0) line += ',';
    append_json_text(line, row.image_names[i]);
  }
  line += R"(],"action":)";
  if (!row.action) line += "null";
  for (size_t i = 0; row.action && i < row.action->size(); ++i) {
    line += i == 0 ? '[' : ',';
    append_json_number(line, (*row.action)[i]);
  }
  if (row.action) line += ']';
  line += R"(,"skipped":[)";
  for (size_t i = 0; i < row.skipped.size(); ++i) {
    line += i == 0 ? R"({"origin":)" : R"(,{"origin":)";
    append_json(line, row.skipped[i].origin);
    line += fmt::format(R"(,"code":"{}"}})", error_code_name(row.skipped[i].code));
  }
  return line + "]}\n";
}

// Of a run that was killed: staged files, and a batch that comes again.
bool is_left_over(const std::string& name, int64_t next_batch) {
  constexpr std::string_view kBatch = "batch_", kTensors = ".safetensors";
  if (name.ends_with(".tmp"))
    return name.starts_with(".batch_") || name.starts_with(".stream.json.") || name.starts_with(".samples.jsonl.");
  if (!name.starts_with(kBatch) || !name.ends_with(kTensors)) return false;
  int64_t number = 0;
  const char* end = name.data() + name.size() - kTensors.size();
  const auto [stopped, failed] = std::from_chars(name.data() + kBatch.size(), end, number);
  return failed == std::errc() && stopped == end && number >= next_batch;
}

// Bytes of the lines of samples.jsonl that belong to batches before `next_batch`, which stand first.
int64_t bytes_of_batches(const Path& samples, int64_t next_batch) {
  std::ifstream stream(samples, std::ios::binary);
  int64_t kept = 0, number = 0;
  for (std::string line; next_batch > 0 && std::getline(stream, line) && !stream.eof(); ++number) {
    const JsonOrigin origin{.file = samples.string(), .line = number + 1, .byte = kept};
    const Json row = parse_json(line, origin, {.depth = limits().json_depth, .values = limits().json_values});
    const std::string where = fmt::format("line {}", number + 1);
    if (JsonObject(row, samples.string(), where).integer("batch") >= next_batch) break;
    kept += static_cast<int64_t>(line.size()) + 1;
  }
  return kept;
}

}  // namespace

StreamState read_stream_state(const Path& stream_json) {
  const std::string file = stream_json.string();
  const Json root = read_json(stream_json);
  const JsonObject state(root, file);
  const auto at_least = [&](int64_t least, const char* key) {
    const int64_t value = state.integer(key);
    if (value >= least) return value;
    throw Error(ErrorCode::Malformed, {.file = file,
                                       .where = std::string("/") + key,
                                       .what = "out of range",
                                       .expected = fmt::format("{} or more", least),
                                       .got = std::to_string(value)});
  };
  if (state.integer("version") != kVersion) {
    throw Error(ErrorCode::Usage, {.file = file,
                                   .where = "/version",
                                   .what = "a state of another version of this program",
                                   .expected = std::to_string(kVersion),
                                   .got = std::to_string(state.integer("version"))});
  }
  const std::string order = state.string("order");
  if (order != "shuffled" && order != "file") {
    throw Error(ErrorCode::Malformed,
                {.file = file, .where = "/order", .what = "neither shuffled nor file", .got = order});
  }
  if (!state.has("seed") || !root.at("seed").is_number_unsigned()) {
    throw Error(ErrorCode::Malformed, {.file = file, .where = "/seed", .what = "missing, or not a seed"});
  }
  return {.position = {.batch = at_least(0, "next_batch"),
                       .candidate = at_least(0, "candidate"),
                       .rows = at_least(0, "rows"),
                       .skipped = at_least(0, "skipped")},
          .batch_size = at_least(1, "batch_size"),
          .seed = root.at("seed").get<uint64_t>(),
          .shuffled = order == "shuffled"};
}

void require_same_files(const Path& stream_json) {
  const Json root = read_json(stream_json);
  const Json& files = JsonObject(root, stream_json.string()).array("files");
  for (size_t i = 0; i < files.size(); ++i) {
    const JsonObject was(files[i], stream_json.string(), fmt::format("/files/{}", i));
    const std::string name = was.string("file"), hash = was.string("hash");
    const int64_t size = was.integer("size"), modified = was.integer("modified");
    std::error_code unreadable;
    if (!std::filesystem::is_regular_file(name, unreadable))
      throw changed(name, "this source of the stream is no longer there");
    if (size != size_of(name)) throw changed(name, "the source has another size than when the stream began");
    const bool same = hash.empty() ? modified == modified_at(name) : hash == hex64(hash_file(name));
    if (!same) throw changed(name, "the source's content changed since the stream began");
  }
}

void require_same_source(const Path& stream_json, const DataSource& source, const std::vector<Path>& files) {
  const Json root = read_json(stream_json);
  const JsonObject state(root, stream_json.string());
  DataConfig config = source.config;
  const Json now = to_json(config_view(config));
  const JsonObject settings = state.object("settings");
  for (const auto& [key, value] : now.items()) {
    const Json& before = settings.raw();
    if (before.contains(key) && before.at(key) == value) continue;
    throw Error(ErrorCode::Usage, {.file = source.file,
                                   .where = "data." + key,
                                   .what = "not the setting that the stream was made with",
                                   .expected = before.contains(key) ? dump_json(before.at(key)) : "",
                                   .got = dump_json(value)});
  }
  const Json& before = state.array("files");
  for (size_t i = 0; i < std::max(files.size(), before.size()); ++i) {
    const std::string was =
        i < before.size() ? JsonObject(before[i], stream_json.string(), fmt::format("/files/{}", i)).string("file")
                          : "";
    if (i >= files.size()) throw changed(was, "this file of the stream is no longer a source");
    if (was.empty()) throw changed(files[i].string(), "this source was not there when the stream began");
    if (was != files[i].string()) throw changed(files[i].string(), "another source stood here when the stream began");
  }
  if (state.array("entries") != entries_of(source))
    throw changed(source.file, "its weights or families of data are not those that the stream began with");
}

struct BatchFolder::State {
  Path folder;
  Json fixed;  // what stays of stream.json
  std::ofstream samples;

  void save(const StreamState& state) const {
    Json root = fixed;
    root.update(state_json(state));
    write_file_atomically(folder / "stream.json", root.dump() + "\n", false);
  }
};

BatchFolder::BatchFolder(const Path& folder, const DataSource& source, const std::vector<Path>& files)
    : state_(std::make_unique<State>()) {
  DataConfig config = source.config;
  state_->folder = folder;
  state_->fixed = {
      {"settings", to_json(config_view(config))}, {"entries", entries_of(source)}, {"files", fingerprint(files)}};
}

BatchFolder::~BatchFolder() = default;

void BatchFolder::begin(const StreamState& state) {
  std::error_code failure;
  std::filesystem::create_directories(state_->folder, failure);
  if (failure) throw system_error("mkdir", state_->folder.string(), failure.value());
  for (const auto& entry : std::filesystem::directory_iterator(state_->folder)) {
    if (is_left_over(entry.path().filename().string(), state.position.batch)) std::filesystem::remove(entry.path());
  }
  const Path file = state_->folder / "samples.jsonl";
  const int64_t kept = bytes_of_batches(file, state.position.batch);
  state_->samples.open(file, std::ios::app | std::ios::binary);
  if (state_->samples) std::filesystem::resize_file(file, static_cast<uintmax_t>(kept), failure);
  if (!state_->samples || failure)
    throw Error(ErrorCode::FileSystem, {.file = file.string(), .what = "cannot be written"});
  state_->save(state);
}

void BatchFolder::write(const Batch& batch, TokenId pad, const StreamState& next) {
  SafetensorsWriter file(state_->folder / fmt::format("batch_{:06}.safetensors", batch.number));
  write_tokens(file, batch, pad);
  write_pictures(file, batch);
  file.finish(false);
  std::string lines;
  for (size_t i = 0; i < batch.rows.size(); ++i) lines += row_line(batch, i);
  state_->samples << lines << std::flush;
  if (!state_->samples)
    throw Error(ErrorCode::FileSystem,
                {.file = (state_->folder / "samples.jsonl").string(), .what = "cannot be written"});
  state_->save(next);
}

}  // namespace magma
