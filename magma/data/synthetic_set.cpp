#include "magma/data/synthetic_set.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecord = "made.json";

// The folder as it is called below its parent.
Path named_folder(const Path& given) {
  Path folder = fs::absolute(given).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  std::error_code absent;
  if (given.empty() || !folder.has_filename() || fs::equivalent(folder, fs::current_path(), absent)) {
    throw Error(ErrorCode::Usage, {.file = given.string(),
                                   .what = "a data set is made beside its folder, which this one does not allow",
                                   .hint = "name a new folder, such as -o made"});
  }
  return folder;
}

Json record_of(const SyntheticOrder& order, int64_t count) {
  return {{"program", "magma data make"}, {"name", order.name}, {"count", count}, {"seed", order.seed}};
}

void refuse_other_things(const Path& folder, const std::string& shown, const Json& files) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name == kRecord || std::find(files.begin(), files.end(), Json(name)) != files.end()) continue;
    throw Error(ErrorCode::Usage, {.file = shown,
                                   .what = "the output folder holds other things than a made data set",
                                   .got = name,
                                   .hint = "use an empty or a new folder"});
  }
}

// What is replaced is empty, the same set, or another made set where the user says so.
void require_replaceable(const Path& folder, const SyntheticOrder& order, const Json& record) {
  std::error_code absent;
  const std::string shown = order.folder.string();
  if (!fs::exists(folder, absent)) return;
  if (!fs::is_directory(folder)) throw Error(ErrorCode::Usage, {.file = shown, .what = "the output folder is a file"});
  if (!fs::exists(folder / kRecord)) return refuse_other_things(folder, shown, Json::array());
  const std::string file = (order.folder / kRecord).string();
  const Json earlier = parse_json(read_file(folder / kRecord, limits().config_bytes), file);
  refuse_other_things(folder, shown, JsonObject(earlier, file).array("files"));
  if (order.overwrite) return;
  for (const auto& [field, value] : record.items()) {
    if (earlier.contains(field) && earlier[field] == value) continue;
    throw Error(ErrorCode::Usage, {.file = shown,
                                   .where = fmt::format("{} {}", kRecord, field),
                                   .what = "the folder holds a set that was made differently",
                                   .expected = dump_json(value),
                                   .got = earlier.contains(field) ? dump_json(earlier[field]) : "",
                                   .hint = "use another folder, or --overwrite to replace that set"});
  }
}

Json top_names(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Rng SyntheticRun::random(int64_t index) const { return {seed, std::to_string(index), "synthetic"}; }

SyntheticSummary make_synthetic_set(const SyntheticOrder& order) {
  const std::unique_ptr<SyntheticSet> set = SyntheticSets::make(order.name);
  const Path folder = named_folder(order.folder);
  SyntheticSummary summary{.config = (order.folder / set->config()).string()};
  summary.count = order.count < 0 ? set->usual_count() : order.count;
  Json record = record_of(order, summary.count);
  require_replaceable(folder, order, record);
  StagingFolder staging(folder.parent_path());
  remove_stale_staging(folder.parent_path());
  const Path staged = staging.path() / folder.filename();
  fs::create_directory(staged);
  summary.samples = set->make({.folder = staged, .count = summary.count, .seed = order.seed, .made = order.made});
  record["config"] = set->config();
  record["files"] = top_names(staged);
  write_file_atomically(staged / kRecord, dump_json(record) + "\n", false);
  for (const auto& entry : fs::recursive_directory_iterator(staged)) {
    if (!entry.is_regular_file()) continue;
    ++summary.files;
    summary.bytes += static_cast<int64_t>(entry.file_size());
  }
  staging.publish(folder.filename(), folder.filename());
  staging.keep_parents();
  return summary;
}

void ItemWriter::add(const Json& item) {
  file_.write((any_ ? ",\n" : "[\n") + dump_json(item));
  any_ = true;
}

void ItemWriter::finish() {
  file_.write(any_ ? "\n]\n" : "[]\n");
  file_.commit(false);
}

void write_synthetic_config(const Path& file, const SyntheticConfig& config) {
  const std::string text = fmt::format(
      "# \".\" and what begins with \"./\" lie beside this file: the folder can be moved.\n"
      "DATA_PATH: [\"{}\"]\nIMAGE_FOLDER: [\"{}\"]\ndata:\n  tags: [{}]\n",
      config.data_path, config.image_folder, config.tag);
  write_file_atomically(file, text, false);
}

}  // namespace magma
