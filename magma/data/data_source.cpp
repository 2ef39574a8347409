#include "magma/data/data_source.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

#include "magma/core/error.h"
#include "magma/core/text_distance.h"
#include "magma/data/item_file.h"
#include "magma/data/mixtures.h"
#include "magma/data/rlds_dataset.h"

namespace magma {
namespace {

// The published keys, and `data:` for ours.
struct SourceConfig {
  ConfigTexts data_path, image_folder, language_path, data_path_val, image_folder_val, language_path_val;
  DataConfig data;

  template <typename Visitor>
  void fields(Visitor& v) {
    v("DATA_PATH", data_path, "annotation files, or the root of robot data sets");
    v("IMAGE_FOLDER", image_folder, "root of the pictures of each, or the experiment id of a robot mixture");
    v("LANGUAGE_PATH", language_path, "not used");
    v("DATA_PATH_VAL", data_path_val, "the same for evaluation");
    v("IMAGE_FOLDER_VAL", image_folder_val, "the same for evaluation");
    v("LANGUAGE_PATH_VAL", language_path_val, "not used");
    v("data", data, "how samples are made");
  }
};

constexpr std::array<DataFamily, 14> kFamilies = {{{"aitw", "chat_json"},
                                                   {"ego4d", "video_traces"},
                                                   {"epic", "video_traces"},
                                                   {"exoego4d", "video_traces"},
                                                   {"llava", "chat_json"},
                                                   {"magma", "chat_json"},
                                                   {"mind2web", "chat_json"},
                                                   {"openx", "openx"},
                                                   {"openx_magma", "openx_traces"},
                                                   {"seeclick", "seeclick"},
                                                   {"seeclick_ocr", "chat_json"},
                                                   {"sharegpt4v", "chat_json"},
                                                   {"sthv2", "video_traces"},
                                                   {"vision2ui", "chat_json"}}};

Error usage(const std::string& file, std::string where, std::string what) {
  return Error(ErrorCode::Usage, {.file = file, .where = std::move(where), .what = std::move(what)});
}

std::string_view reader_of_tag(const std::string& tag, const std::string& file) {
  std::vector<std::string> known;
  for (const DataFamily& family : kFamilies) {
    if (family.tag == tag) return family.reader;
    known.emplace_back(family.tag);
  }
  throw Error(ErrorCode::Usage, {.file = file,
                                 .where = "data.tags",
                                 .what = "unknown family of data",
                                 .got = tag,
                                 .hint = "the nearest is " + nearest_word(tag, known)});
}

void require_range(const std::string& file, const char* name, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return;
  throw Error(ErrorCode::Usage, {.file = file,
                                 .where = std::string("data.") + name,
                                 .what = "out of range",
                                 .expected = std::to_string(least) + " to " + std::to_string(most),
                                 .got = std::to_string(value)});
}

void require_word(const std::string& file, const char* name, const std::string& value,
                  const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), value) != known.end()) return;
  throw Error(ErrorCode::Usage, {.file = file,
                                 .where = std::string("data.") + name,
                                 .what = "unknown choice",
                                 .got = value,
                                 .hint = "did you mean " + nearest_word(value, known)});
}

void require_ranges(const DataConfig& config, const std::string& file) {
  constexpr int64_t kMostSide = 4096, kMostCrops = 64, kMostLength = int64_t{1} << 20, kMostFuture = 256;
  require_range(file, "image_size", config.image_size, 16, kMostSide);
  require_range(file, "max_crops", config.max_crops, 1, kMostCrops);
  require_range(file, "max_length", config.max_length, 1, kMostLength);
  require_range(file, "future", config.future, 0, kMostFuture);
  require_range(file, "shuffle_buffer", config.shuffle_buffer, 1, int64_t{1} << 40);
  require_word(file, "normalisation", config.normalisation, {"bounds_q99", "bounds", "normal"});
  require_word(file, "group_by", config.group_by, {"none", "length", "modality"});
  if (!(config.max_skip_fraction >= 0 && config.max_skip_fraction <= 1)) {
    throw usage(file, "data.max_skip_fraction", "not between 0 and 1");
  }
  for (const auto& [name, weight] : config.mixture) {
    if (!(weight > 0 && weight < 1e9)) throw usage(file, "data.mixture." + name, "not a positive weight");
  }
}

// A relative path counts from the configuration, or from the current folder as the reference has it. Never both. "."
// and what begins with "./" are beside the configuration, where that exists.
std::string found_path(const Path& config_file, const std::string& path, const std::string& key) {
  if (path.empty()) throw usage(config_file.string(), key, "empty path");
  const Path beside = config_file.parent_path() / path;
  if (Path(path).is_absolute() || !std::filesystem::exists(beside)) return path;
  if (*Path(path).begin() == ".") return beside.string();
  const bool here = std::filesystem::exists(path);
  if (here && !std::filesystem::equivalent(path, beside)) {
    throw Error(ErrorCode::Usage, {.file = config_file.string(),
                                   .where = key,
                                   .what = "this relative path exists beside the configuration and here",
                                   .got = path,
                                   .hint = "write ./ before the one beside the configuration, or an absolute path"});
  }
  return here ? path : beside.string();
}

// Where the annotations are: the folder of "dir/a+b" is what has to exist.
std::string found_annotations(const Path& config_file, const std::string& path) {
  const Path given(path);
  if (path.empty()) throw usage(config_file.string(), "DATA_PATH", "empty path");
  if (given.filename().string().find('+') == std::string::npos && given.has_extension()) {
    return found_path(config_file, path, "DATA_PATH");
  }
  const std::string folder = given.parent_path().empty() ? "." : given.parent_path().string();
  return (Path(found_path(config_file, folder, "DATA_PATH")) / given.filename()).string();
}

class SourceReader {
 public:
  SourceReader(const Path& source, const DataSourceOptions& options) : source_(source), options_(options) {}

  DataSource read() {
    result_.file = source_.string();
    const ConfigView view = config_view(config_);
    const std::string extension = source_.extension().string();
    const bool yaml = extension == ".yaml" || extension == ".yml";
    if (yaml) load_yaml(view, source_);
    for (const std::string& setting : options_.settings) set(view, setting);
    require_ranges(config_.data, result_.file);
    result_.config = config_.data;
    yaml ? add_configured() : add_single(extension);
    return std::move(result_);
  }

 private:
  ReaderOptions reader_options(std::string path, std::string image_folder, std::string tag) const {
    return {.path = std::move(path),
            .image_folder = std::move(image_folder),
            .tag = std::move(tag),
            .dataset = options_.dataset,
            .split = options_.split,
            .seed = options_.seed,
            .config = config_.data};
  }

  void add_single(const std::string& extension) {
    const std::string path = source_.string();
    if (std::filesystem::is_directory(source_)) {
      if (!is_rlds_folder(source_))
        throw usage(path, "",
                    "not a version folder of a robot data set, which holds features.json and dataset_info.json");
      result_.entries.push_back(
          {.path = path, .reader = "openx", .stream = true, .options = reader_options(path, "", "openx")});
      return;
    }
    require_readable_file(source_);
    if (extension != ".json" && extension != ".jsonl" && extension != ".pth") {
      throw Error(ErrorCode::Usage, {.file = path,
                                     .what = "a file of this kind holds no samples",
                                     .hint = "magma data show --raw shows what is stored"});
    }
    std::string tag = config_.data.tags.empty() ? tag_of_path(path) : config_.data.tags.front();
    if (tag == "openx") tag.clear();  // a file is no root of robot data sets
    const std::string reader(tag.empty() ? "chat_json" : reader_of_tag(tag, path));
    result_.entries.push_back({.path = path, .reader = reader, .options = reader_options(path, "", tag)});
  }

  void add_configured() {
    const bool val = options_.split == "val" && !config_.data_path_val.empty();
    const ConfigTexts& paths = val ? config_.data_path_val : config_.data_path;
    const ConfigTexts& folders = val ? config_.image_folder_val : config_.image_folder;
    const std::string key = val ? "DATA_PATH_VAL" : "DATA_PATH";
    if (paths.empty()) throw usage(result_.file, key, "no data");
    require_as_long(paths, folders, val ? "IMAGE_FOLDER_VAL" : "IMAGE_FOLDER");
    if (!config_.data.tags.empty()) require_as_long(paths, config_.data.tags, "data.tags");
    for (size_t i = 0; i < paths.size(); ++i) {
      const std::string tag = config_.data.tags.empty() ? tag_of_path(paths[i]) : config_.data.tags[i];
      if (tag.empty()) {
        throw Error(ErrorCode::Usage, {.file = result_.file,
                                       .where = key,
                                       .what = "the path does not say which family of data this is",
                                       .got = paths[i],
                                       .hint = "name it in data.tags"});
      }
      if (tag == "openx") {
        add_mixture(paths[i], folders[i]);
      } else if (options_.split != "val" || val) {
        add_annotations(paths[i], folders[i], tag);
      }
    }
    if (result_.entries.empty()) throw usage(result_.file, "DATA_PATH_VAL", "no data for evaluation");
  }

  void require_as_long(const ConfigTexts& paths, const ConfigTexts& other, const char* name) const {
    if (paths.size() == other.size()) return;
    throw Error(ErrorCode::Usage, {.file = result_.file,
                                   .where = name,
                                   .what = "not as many entries as data paths",
                                   .expected = std::to_string(paths.size()),
                                   .got = std::to_string(other.size())});
  }

  void add_annotations(const std::string& path, const std::string& folder, const std::string& tag) {
    const std::string reader(reader_of_tag(tag, result_.file));
    DataEntry entry = {
        .path = path,
        .reader = reader,
        .options = reader_options(found_annotations(source_, path), found_path(source_, folder, "IMAGE_FOLDER"), tag)};
    const std::vector<Path> files = annotation_files(entry.options.path);
    const auto there = [](const Path& file) { return std::filesystem::exists(file); };
    entry.absent = options_.may_be_absent && !std::all_of(files.begin(), files.end(), there);
    result_.entries.push_back(std::move(entry));
  }

  void add_mixture(const std::string& path, const std::string& experiment) {
    const Path root = found_path(source_, path, "DATA_PATH");
    std::vector<MixtureEntry> sets;
    if (config_.data.mixture.empty()) {
      sets = mixture_of_experiment(experiment);
    } else {
      for (const auto& [name, weight] : config_.data.mixture) sets.push_back({name, weight});
    }
    for (const MixtureEntry& set : usable_entries(sets)) {
      const std::optional<Path> folder = version_folder(root, set.dataset);
      ReaderOptions options = reader_options(folder.value_or(root / set.dataset).string(), "", "openx");
      options.dataset = set.dataset;
      result_.entries.push_back({.path = path,
                                 .reader = "openx",
                                 .stream = true,
                                 .weight = set.weight,
                                 .absent = !folder,
                                 .options = std::move(options)});
    }
  }

  std::optional<Path> version_folder(const Path& root, const std::string& dataset) const {
    try {
      return find_version_folder(root, dataset);
    } catch (const Error& error) {
      if (!options_.may_be_absent || error.code() != ErrorCode::FileSystem) throw;
      return std::nullopt;
    }
  }

  const Path source_;
  const DataSourceOptions& options_;
  SourceConfig config_;
  DataSource result_;
};

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

std::span<const DataFamily> data_families() { return kFamilies; }

std::string tag_of_path(const std::string& path) {
  const std::string lower = lower_case(path);
  const auto has = [&](const char* word) { return lower.find(word) != std::string::npos; };
  if (has("epic")) return "epic";
  if (path.find("open-x") != std::string::npos || path.find("openx") != std::string::npos) {
    return has("traces") ? "openx_magma" : "openx";
  }
  for (const char* word : {"sthv2", "exoego4d", "ego4d", "aitw"}) {
    if (has(word)) return word;
  }
  if (has("seeclick")) return has("ocr") ? "seeclick_ocr" : "seeclick";
  for (const char* word : {"mind2web", "vision2ui", "llava", "magma", "sharegpt4v"}) {
    if (has(word)) return word;
  }
  return {};
}

DataSource read_data_source(const Path& source, const DataSourceOptions& options) {
  if (!std::filesystem::exists(source)) require_readable_file(source);
  return SourceReader(source, options).read();
}

std::unique_ptr<Reader> open_reader(const DataEntry& entry) { return Readers::make(entry.reader, entry.options); }

}  // namespace magma
