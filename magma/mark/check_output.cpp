#include "magma/mark/check_output.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <system_error>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"
#include "magma/mark/output_folder.h"
#include "magma/mark/run_summary.h"
#include "magma/nn/safetensors.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostProblems = 100;
constexpr const char* kManifest = "manifest.json";

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

// The records, tensors and samples of one shard against each other.
class ShardChecker {
 public:
  ShardChecker(const Path& folder, int64_t shard, std::optional<int64_t> quant, const Json& files)
      : folder_(folder),
        quant_(quant),
        files_(files),
        records_(records_file(shard)),
        samples_(samples_file(shard)),
        tensors_(folder / tensors_file(shard)) {
    for (const auto& [name, tensor] : tensors_.tensors()) unclaimed_.insert(name);
    for (const auto& [name, facts] : files.items()) {
      if (name.starts_with("images/")) unclaimed_.insert(name);
    }
  }

  void check(const Json& done) {
    each_line(records_, [this](const JsonObject& record) { check_record(record); });
    each_line(samples_, [this](const JsonObject& sample) { check_sample(sample); });
    for (const std::string& name : unclaimed_) fail(records_, "no record names " + name);
    const JsonObject counts(done, records_);
    require_count(counts, "items", static_cast<int64_t>(items_.size()));
    require_count(counts, "clips", clips_);
    require_count(counts, "samples", num_samples_);
    require_count(counts, "failed", failed_);
  }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  void fail(const std::string& where, const std::string& what) { problems_.push_back(where + ": " + what); }
  void require(bool condition, const std::string& where, const std::string& what) {
    if (!condition) fail(where, what);
  }
  void require_count(const JsonObject& done, const char* key, int64_t found) {
    require(done.integer(key) == found, records_,
            fmt::format("{} {}, its .done file says {}", found, key, done.integer(key)));
  }

  template <typename Check>
  void each_line(const std::string& file, const Check& check) {
    JsonLines lines(folder_ / file);
    while (const auto value = lines.next()) {
      line_ = file + " " + lines.where();
      check(JsonObject(*value, file, lines.where()));
    }
  }

  void check_record(const JsonObject& record) {
    const std::string id = record.string("id");
    const std::string status = record.string("status");
    items_.insert(record.string("item"));
    require(ids_.insert(id).second, line_, "id appears twice: " + id);
    if (status == "failed") ++failed_;
    if (status == "failed" || status == "dropped") return;
    ++clips_;
    const JsonObject frames = record.object("frames");
    check_tensors(id, length_of(frames));
    for (const Json& value : record.array("marks")) check_cell(JsonObject(value, records_, line_).array("cell"));
    for (const Json& value : record.array("traces")) {
      for (const Json& cell : JsonObject(value, records_, line_).array("cells")) check_cell(cell);
    }
    const std::string image = record.optional_string("image").value_or("");
    if (image.empty()) return;
    require(files_.contains(image), line_, "no such image: " + image);
    unclaimed_.erase(image);
  }

  // -1, which no tensor has, for numbers that are no range.
  static int64_t length_of(const JsonObject& frames) {
    int64_t length = 0;
    return __builtin_sub_overflow(frames.integer("last"), frames.integer("first"), &length) ? -1 : length;
  }

  void check_cell(const Json& cell) {
    const bool pair = cell.is_array() && cell.size() == 2 && cell[0].is_number_integer() && cell[1].is_number_integer();
    const auto within = [this](const Json& side) {
      return !quant_ || (side.get<int64_t>() >= 0 && side.get<int64_t>() < *quant_);
    };
    require(pair && within(cell[0]) && within(cell[1]), line_, "not a cell of the grid: " + dump_json(cell));
  }

  // Whether the tensor is there in this shape.
  bool has(const std::string& name, const std::vector<int64_t>& shape) {
    unclaimed_.erase(name);
    const auto found = tensors_.tensors().find(name);
    require(found != tensors_.tensors().end(), line_, "no tensor " + name);
    if (found == tensors_.tensors().end()) return false;
    require(found->second.shape == shape, line_, "tensor has another shape than its record says: " + name);
    return found->second.shape == shape;
  }

  void check_tensors(const std::string& id, int64_t F) {
    const auto tracks = tensors_.tensors().find(id + "/tracks");
    const bool cubic = tracks != tensors_.tensors().end() && tracks->second.shape.size() == 3;
    const int64_t N = cubic ? tracks->second.shape[1] : 0;
    if (has(id + "/tracks", {F, N, 2}) && tracks->second.dtype == DType::F32) {
      require(all_finite(tensors_.read_as<float>(id + "/tracks")), line_, "tracks are not all finite");
    }
    has(id + "/visible", {F, N / 8 + (N % 8 == 0 ? 0 : 1)});
    has(id + "/confidence", {F, N});
    for (const auto& [name, count] : {std::pair{id + "/kind", N}, std::pair{id + "/hstatus", F}}) {
      if (!has(name, {count})) continue;
      const auto values = tensors_.read_as<uint8_t>(name);
      require(std::all_of(values.begin(), values.end(), [](uint8_t v) { return v <= 2; }), line_,
              "not all 0 to 2: " + name);
    }
    if (has(id + "/speed", {N})) {
      require(all_finite(tensors_.read_as<float>(id + "/speed")), line_, "speeds are not all finite");
    }
    if (has(id + "/homography", {F, 3, 3})) {
      require(all_finite(tensors_.read_as<float>(id + "/homography")), line_, "homographies are not all finite");
    }
  }

  void check_sample(const JsonObject& sample) {
    ++num_samples_;
    const std::string image = sample.string("image");
    require(files_.contains(image), line_, "no such image: " + image);
    const Json& turns = sample.array("conversations");
    require(!turns.empty() && turns.size() % 2 == 0, line_, "conversation without an answer");
    for (const Json& turn : turns) {
      const JsonObject members(turn, samples_, line_);
      require(!members.string("value").empty() && !members.string("from").empty(), line_, "empty turn");
    }
  }

  const Path& folder_;
  std::optional<int64_t> quant_;  // none: cells may lie anywhere
  const Json& files_;
  std::string records_, samples_, line_;
  SafetensorsFile tensors_;
  std::set<std::string> unclaimed_, ids_, items_;
  int64_t clips_ = 0, num_samples_ = 0, failed_ = 0;
  std::vector<std::string> problems_;
};

class FolderChecker {
 public:
  explicit FolderChecker(const Path& folder) : folder_(folder) {}

  OutputCheck run() {
    guarded(kManifest, [this] { read_run(); });
    for (int64_t s = 0; s < result_.shards && !full(); ++s) {
      std::error_code absent;
      if (!is_of_parts(s) && !fs::exists(folder_ / done_file(s), absent)) {
        ++result_.unmade;
        continue;
      }
      guarded(done_file(s), [this, s] { check_shard(s); });
    }
    if (!full()) guarded("folder", [this] { check_nothing_else(); });
    if (result_.problems.size() > kMostProblems) result_.problems.resize(kMostProblems);
    return std::move(result_);
  }

 private:
  bool full() const { return result_.problems.size() >= kMostProblems; }
  void fail(const std::string& where, const std::string& what) {
    result_.problems.push_back(escape_text(where + ": " + what, 300));
  }

  template <typename Check>
  void guarded(const std::string& file, const Check& check) {
    try {
      check();
    } catch (const Error& error) {
      fail(file, error.line());
    }
  }

  void read_run() {
    const Json manifest = read_manifest(folder_);
    const JsonObject members(manifest, kManifest);
    const int64_t shards = members.integer("shards");
    constexpr int64_t kMostAsked = 4096, kMost = int64_t{1} << 20;
    const int64_t most = std::clamp(members.object("list").integer("items"), kMostAsked, kMost);
    if (shards < 1 || shards > most) {
      throw Error(ErrorCode::Malformed, {.file = "manifest.json",
                                         .where = "shards",
                                         .what = "impossible number of shards",
                                         .got = std::to_string(shards)});
    }
    result_.shards = shards;
    const JsonObject config = members.object("config");
    // The reference's procedures write cells beyond the frame as they come.
    if (config.string("variant") == "corrected") quant_ = config.integer("quant");
    manifest_hash_ = hex64(hash_file(folder_ / kManifest));
    parts_ = parts_run(folder_);
  }

  bool is_of_parts(int64_t shard) const {
    return std::any_of(parts_.begin(), parts_.end(),
                       [shard](const RunPart& run) { return shard % run.parts == run.part; });
  }

  void check_shard(int64_t shard) {
    listed_.insert(done_file(shard));
    const Json done = parse_done(read_file(folder_ / done_file(shard), limits().json_bytes), done_file(shard));
    const JsonObject members(done, done_file(shard));
    if (members.string("manifest") != manifest_hash_) return fail(kManifest, "is not the one of " + done_file(shard));
    const JsonObject files = members.object("files");
    const size_t before = result_.problems.size();
    for (const auto& [name, facts] : files.raw().items()) {
      listed_.insert(name);
      check_file(name, files.object(name));
    }
    for (const std::string& name : {records_file(shard), tensors_file(shard), samples_file(shard)}) {
      if (!files.has(name)) fail(done_file(shard), "does not list " + name);
    }
    result_.items = checked_add(result_.items, members.integer("items"), "items");
    result_.clips = checked_add(result_.clips, members.integer("clips"), "clips");
    result_.samples = checked_add(result_.samples, members.integer("samples"), "samples");
    result_.failed = checked_add(result_.failed, members.integer("failed"), "failed");
    if (result_.problems.size() > before) return;  // damaged files have no more to tell
    ShardChecker checker(folder_, shard, quant_, files.raw());
    checker.check(done);
    result_.problems.insert(result_.problems.end(), checker.problems().begin(), checker.problems().end());
  }

  void check_file(const std::string& name, const JsonObject& facts) {
    std::error_code absent;
    const auto size = fs::file_size(folder_ / name, absent);
    if (absent) return fail(name, "missing");
    if (static_cast<int64_t>(size) != facts.integer("bytes")) {
      return fail(name, fmt::format("{} bytes, {} when it was written", size, facts.integer("bytes")));
    }
    if (hex64(hash_file(folder_ / name)) != facts.string("xxh64")) fail(name, "content has changed");
  }

  void check_nothing_else() {
    std::error_code error;
    auto entry = fs::recursive_directory_iterator(folder_, error);
    for (; !error && entry != fs::recursive_directory_iterator() && !full(); entry.increment(error)) {
      std::error_code gone;
      if (entry->is_directory(gone)) continue;
      const std::string name = entry->path().lexically_relative(folder_).string();
      const bool may_be = name == kManifest || name.starts_with("report.") || entry->path().extension() == ".log";
      if (!may_be && !listed_.contains(name)) fail(name, "belongs to no shard");
    }
    if (error) throw system_error("open", "the folder", error.value());
  }

  Path folder_;
  std::string manifest_hash_;
  std::optional<int64_t> quant_;
  std::vector<RunPart> parts_;
  std::set<std::string> listed_;
  OutputCheck result_;
};

}  // namespace

OutputCheck check_output(const Path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw system_error("open", folder.string(), fs::exists(folder, error) ? ENOTDIR : ENOENT);
  return FolderChecker(folder).run();
}

}  // namespace magma
